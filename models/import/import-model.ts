import { mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { parseBoundedJson } from '../bounded-json.ts'
import {
  boundsOf,
  cardFile,
  loadModelDirectory,
  type ModelDirectory,
  manifestFile,
  writeManifest,
} from '../model-directory.ts'
import { type Golden, goldenFile } from '../proof/golden.ts'
import { isFault } from '../proof/refuse.ts'
import { readBounded } from '../read-bounded.ts'
import { Disk } from '../registry/disk.ts'
import type { Manifest } from '../registry/manifest.ts'
import { checkGraph, type GraphPorts } from './check-graph.ts'
import { ExportConfig, ExportTokenizerConfig, maxTokensOf, withLabels } from './export-config.ts'
import { findExportFiles } from './export-files.ts'
import { checkFree, draftOf, place, prepareOut, replace } from './out-folder.ts'

/** A graph that has been read, together with the files beside it. */
export interface OpenedGraph extends GraphPorts {
  /** The whole model in one file. */
  readonly onnx: Uint8Array
  /** Files beside the graph whose tensors were folded into `onnx`. */
  readonly folded: readonly string[]
}

export interface ImportOptions {
  /** Directory of the export. */
  readonly source: string
  /** Directory to make. */
  readonly out: string
  /** Replace a model directory that is there. */
  readonly force: boolean
  readonly name: string
  /** Class names in the order of the logits, instead of those of config.json. */
  readonly labels: readonly string[] | undefined
  readonly normaliser: Manifest['text']['normaliser']
  /** Default: what the model allows, at most 512. */
  readonly maxTokens: number | undefined
  readonly license: string
  readonly clock: Clock
  /** Told what an earlier import that was killed left beside `out`, and what became of it; for people. */
  readonly note: (text: string) => void
  /** See `Disk`. */
  readonly disk?: Disk
  /** Reads model.onnx and its external data. Training and inference lie above this folder, so they are handed in. */
  readonly open: (path: string) => Promise<OpenedGraph>
  /** Tries the directory, and says what the model answers to some texts; throws when it does not work. */
  readonly prove: (directory: ModelDirectory) => Promise<Golden>
}

export interface Imported {
  /** Absolute. */
  readonly out: string
  readonly manifest: Manifest
  readonly labels: readonly string[]
  readonly folded: readonly string[]
}

/**
 * Makes a model directory of a Hugging Face export. Everything is copied and proved under another name in the folder of
 * `out`, then renamed: at no time is there half a directory. What a killed import left there is seen to first.
 *
 * @throws DriftlineError `MODEL_INVALID`; `USAGE` when `out` is taken
 */
export async function importModel(options: ImportOptions): Promise<Imported> {
  const out = resolve(options.out)
  const { disk = new Disk() } = options
  await prepareOut(out, options)
  const files = await findExportFiles(options.source)
  const draft = draftOf(out)
  try {
    const tokenizerConfig =
      files.tokenizerConfig === undefined ? {} : await readJson(files.tokenizerConfig, ExportTokenizerConfig)
    const graph = await options.open(files.model)
    const config = withLabels(await readJson(files.config, ExportConfig), options.labels, checkGraph(graph))

    await mkdir(draft, { recursive: true })
    const write = (name: string, content: Uint8Array | string) => writeFile(join(draft, name), content, { flush: true })
    await write('model.onnx', graph.onnx)
    await write('tokenizer.json', await readPart(files.tokenizer))
    await write('config.json', `${JSON.stringify(config, null, 2)}\n`)
    if (files.tokenizerConfig !== undefined) await write('tokenizer_config.json', await readPart(files.tokenizerConfig))
    if (files.card !== undefined) await write(cardFile, await readPart(files.card))
    const facts = {
      name: options.name,
      version: 1,
      parent: null,
      createdAt: new Date(options.clock.now()).toISOString(),
      text: { normaliser: options.normaliser, maxTokens: options.maxTokens ?? maxTokensOf(config, tokenizerConfig) },
      metrics: {},
      reference: {},
      license: options.license,
    }
    await writeManifest(draft, facts)
    const directory = await loadModelDirectory(draft)
    await write(goldenFile, `${JSON.stringify(await options.prove(directory), null, 2)}\n`)
    await rm(join(draft, manifestFile))
    const manifest = await writeManifest(draft, facts)
    await checkFree(out, options.force) // somebody may have made one in the minutes that this took
    if (options.force) await replace(out, draft, disk)
    else await place(out, draft)
    await disk.sync(dirname(out))
    return { out, manifest, labels: directory.labels, folded: graph.folded }
  } catch (error) {
    if (!isFault(error)) throw error
    // The draft is gone when this is read.
    throw new DriftlineError(error.code, { ...error.details, model: options.source }, { cause: error })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/**
 * A model's name made of another, such as that of a folder or of a repository.
 *
 * @throws DriftlineError `USAGE` when nothing is left of it
 */
export function modelName(from: string): string {
  const name = from
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 64)
  if (name === '') throw new DriftlineError('USAGE', { reason: 'give the model a name with --name', from })
  return name
}

/** @throws DriftlineError `MODEL_INVALID` */
async function readPart(path: string): Promise<Buffer> {
  try {
    return await readBounded(path, boundsOf(basename(path)).bytes)
  } catch (error) {
    throw new DriftlineError(
      'MODEL_INVALID',
      { file: basename(path), reason: messageOf(error), path },
      { cause: error },
    )
  }
}

async function readJson<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
  const file = basename(path)
  let json: unknown
  try {
    json = parseBoundedJson(await readPart(path), boundsOf(file))
  } catch (error) {
    if (error instanceof DriftlineError) throw error
    throw new DriftlineError('MODEL_INVALID', { file, reason: messageOf(error), path }, { cause: error })
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw new DriftlineError('MODEL_INVALID', { file, reason: z.prettifyError(parsed.error), path })
  return parsed.data
}
