import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { packageRoot } from '../core/package-root.ts'
import { type JsonBounds, parseBoundedJson } from './bounded-json.ts'
import { mostFileBytes } from './read-bounded.ts'
import { Manifest } from './registry/manifest.ts'

/** A model whose every file has been read and found to be the one its manifest names. */
export interface ModelDirectory {
  /** Absolute, with symbolic links resolved. */
  readonly path: string
  readonly manifest: Manifest
  /** Class names in the order of the logits. */
  readonly labels: readonly string[]
  /** Contents of every file that the manifest names, by its name. */
  readonly files: ReadonlyMap<string, Uint8Array>
  /** Contents of model.onnx: sessions are made from these very bytes, never from the path again. */
  readonly onnx: Uint8Array
  /** Contents of tokenizer.json, parsed as JSON only. */
  readonly tokenizer: unknown
  /** Contents of config.json and, where there is one, tokenizer_config.json, merged. */
  readonly tokenizerConfig: unknown
}

/** What scoring needs of it; a clone of a parsed tokenizer would cost more than parsing it again. */
export type ModelFiles = Omit<ModelDirectory, 'tokenizer'>

/** The model that comes with the program. */
export const bundledModelPath = join(packageRoot, 'models/bundled')

/** What a base of training stands for: `bundled`, or a directory. */
export const modelPath = (setting: string): string => (setting === 'bundled' ? bundledModelPath : resolve(setting))

export const manifestFile = 'manifest.json'
/** What people should know of the model, as Hugging Face calls it: what it is for, what it learned from. Optional. */
export const cardFile = 'README.md'
const neededFiles = ['model.onnx', 'tokenizer.json', 'config.json'] as const

const mb = 2 ** 20

/** Bounds of the JSON files: several times the largest in use (the tokenizer of 256,000 words and 580,000 merges has 33 MB). */
export const boundsOf = (name: string): JsonBounds =>
  name === 'tokenizer.json'
    ? { bytes: 64 * mb, values: 4_000_000, depth: 64 }
    : { bytes: 8 * mb, values: 500_000, depth: 64 }

const most = { files: 64, bytesOfOne: mostFileBytes }

const ModelConfig = z.looseObject({ id2label: z.record(z.string().regex(/^(0|[1-9]\d{0,3})$/), z.string().min(1)) })

/**
 * Reads a model directory and checks it: the manifest against its schema, the sha256 and size of every file it names,
 * and that config.json numbers its classes from 0.
 *
 * @param path relative to the working folder, or absolute
 * @throws DriftlineError `MODEL_INVALID` saying which file and what is wrong with it
 */
export async function loadModelDirectory(path: string): Promise<ModelDirectory> {
  const folder = await realpath(path).catch((error: unknown) => {
    throw invalid(path, undefined, messageOf(error), error)
  })
  const manifest = await readManifest(folder)
  const missing = neededFiles.filter((name) => !Object.hasOwn(manifest.files, name))
  if (missing.length > 0) throw invalid(folder, manifestFile, `it does not list ${missing.join(', ')}`)
  if (Object.hasOwn(manifest.files, manifestFile)) throw invalid(folder, manifestFile, 'it lists itself')

  checkSizes(folder, manifest)

  const files = new Map<string, Buffer>()
  for (const [name, { sha256, bytes }] of Object.entries(manifest.files)) {
    const { content, sha256: actual } = await readRegular(folder, name, bytes)
    if (actual !== sha256) throw invalid(folder, name, `its sha256 is ${actual}, the manifest says ${sha256}`)
    files.set(name, content)
  }
  const read = <Schema extends z.ZodType>(name: string, schema: Schema): z.infer<Schema> =>
    parseFile(folder, name, schema, files.get(name) ?? Buffer.alloc(0))
  const config = read('config.json', ModelConfig)
  const tokenizerConfig = files.has('tokenizer_config.json') ? read('tokenizer_config.json', z.looseObject({})) : {}
  return {
    path: folder,
    manifest,
    labels: labelsOf(folder, config.id2label),
    files,
    onnx: files.get('model.onnx') ?? Buffer.alloc(0),
    tokenizer: read('tokenizer.json', z.looseObject({})),
    tokenizerConfig: { ...config, ...tokenizerConfig },
  }
}

/** manifest.json alone: what it says, without a look at the files it speaks for. @throws DriftlineError `MODEL_INVALID` */
export async function readManifest(path: string): Promise<Manifest> {
  return parseFile(path, manifestFile, Manifest, (await readRegular(path, manifestFile)).content)
}

/**
 * Finishes a model directory: hashes every file in it and writes manifest.json, once and durably.
 *
 * @param facts the manifest but `schema` and `files`
 * @returns what was written
 * @throws DriftlineError `MODEL_INVALID` when the directory has a manifest already, lacks a file, or holds something
 *   that is no file
 */
export async function writeManifest(path: string, facts: Omit<Manifest, 'schema' | 'files'>): Promise<Manifest> {
  const folder = await realpath(path)
  const names = (await readdir(folder)).sort()
  if (names.includes(manifestFile)) throw invalid(folder, manifestFile, 'it exists; a version is written once')
  const files: Manifest['files'] = {}
  for (const name of names) {
    const { content, sha256 } = await readRegular(folder, name)
    files[name] = { sha256, bytes: content.length }
  }
  const missing = neededFiles.filter((name) => !names.includes(name))
  if (missing.length > 0) throw invalid(folder, undefined, `it lacks ${missing.join(', ')}`)
  const parsed = Manifest.safeParse({ schema: 1, ...facts, files })
  if (!parsed.success) throw invalid(folder, manifestFile, z.prettifyError(parsed.error))
  await writeDurably(join(folder, manifestFile), `${JSON.stringify(parsed.data, null, 2)}\n`)
  return parsed.data
}

/**
 * Before anything is read: a directory of some terabytes costs nothing but this.
 *
 * @throws DriftlineError `MODEL_TOO_COSTLY`
 */
function checkSizes(folder: string, { files }: Manifest): void {
  const tooCostly = (reason: string): never => {
    throw new DriftlineError('MODEL_TOO_COSTLY', { reason, model: folder })
  }
  const sizes = Object.entries(files)
  if (sizes.length > most.files) tooCostly(`it has ${sizes.length} files, more than ${most.files}`)
  for (const [name, { bytes }] of sizes) {
    if (bytes > most.bytesOfOne) tooCostly(`${name} has ${bytes} bytes, more than ${most.bytesOfOne}`)
  }
  const total = sizes.reduce((sum, [, { bytes }]) => sum + bytes, 0)
  const free = process.availableMemory()
  if (total > free / 2)
    tooCostly(`its files have ${total} bytes, more than half of the ${free} bytes of memory that are free`)
}

const invalid = (model: string, file: string | undefined, reason: string, cause?: unknown): DriftlineError =>
  new DriftlineError('MODEL_INVALID', { reason, ...(file === undefined ? {} : { file }), model }, { cause })

/** A piece of this size is hashed in some 3 ms: whoever scores beside goes on in between. */
const pieceBytes = 4 * mb

/** Reads and hashes a file of the directory itself: a symbolic link, which may lead elsewhere, or a device is refused. */
async function readRegular(
  folder: string,
  name: string,
  expectedBytes?: number,
): Promise<{ readonly content: Buffer; readonly sha256: string }> {
  try {
    const file = await open(
      join(folder, name),
      constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    )
    try {
      const stats = await file.stat()
      if (!stats.isFile()) throw new Error('it is not a regular file')
      if (expectedBytes !== undefined && stats.size !== expectedBytes) {
        throw new Error(`it has ${stats.size} bytes, the manifest says ${expectedBytes}`)
      }
      const bound = expectedBytes ?? (name === manifestFile ? boundsOf(name).bytes : mostFileBytes)
      if (stats.size > bound) throw new Error(`it has ${stats.size} bytes, more than ${bound}`)
      const content = Buffer.allocUnsafeSlow(stats.size)
      const hash = createHash('sha256')
      for (let at = 0; at < content.length; ) {
        const piece = content.subarray(at, at + pieceBytes)
        const { bytesRead } = await file.read(piece, 0, piece.length, at)
        if (bytesRead === 0) throw new Error('it became shorter while it was read')
        hash.update(piece.subarray(0, bytesRead))
        at += bytesRead
      }
      return { content, sha256: hash.digest('hex') }
    } finally {
      await file.close()
    }
  } catch (error) {
    throw invalid(folder, name, messageOf(error), error)
  }
}

function parseFile<Schema extends z.ZodType>(
  folder: string,
  name: string,
  schema: Schema,
  content: Buffer,
): z.infer<Schema> {
  let json: unknown
  try {
    json = parseBoundedJson(content, boundsOf(name))
  } catch (error) {
    throw invalid(folder, name, messageOf(error), error)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw invalid(folder, name, z.prettifyError(parsed.error))
  return parsed.data
}

function labelsOf(folder: string, id2label: Readonly<Record<string, string>>): string[] {
  const labels = Object.keys(id2label).map((_, id) => id2label[id])
  const named = labels.filter((label) => label !== undefined)
  if (named.length !== labels.length || named.length < 2 || new Set(named).size !== named.length) {
    const reason = 'id2label must number at least two classes with different names, from 0 without a gap'
    throw invalid(folder, 'config.json', reason)
  }
  return named
}

async function writeDurably(path: string, content: string): Promise<void> {
  const draft = `${path}.draft`
  const file = await open(draft, 'wx')
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rename(draft, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
