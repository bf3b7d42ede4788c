import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { cardFile } from '../model-directory.ts'

/** Where the parts of a Hugging Face export lie. Links are followed: the Hub's own cache consists of them. */
export interface ExportFiles {
  readonly model: string
  readonly tokenizer: string
  readonly config: string
  readonly tokenizerConfig: string | undefined
  readonly card: string | undefined
}

/**
 * Finds the parts of an export: the graph as model.onnx or onnx/model.onnx, everything else at the top.
 *
 * @throws DriftlineError `MODEL_INVALID` saying what is missing and how to make it
 */
export async function findExportFiles(source: string): Promise<ExportFiles> {
  const names = await readdir(source).catch((error: unknown) => {
    throw new DriftlineError('MODEL_INVALID', { reason: messageOf(error), source }, { cause: error })
  })
  const refuse = (reason: string): never => {
    throw new DriftlineError('MODEL_INVALID', { reason, source })
  }
  if (names.includes('manifest.json')) {
    refuse('it has a manifest.json, so it is a model directory already; use it as it is, with --model')
  }
  const model = await firstFile(source, ['model.onnx', 'onnx/model.onnx'])
  const config = await firstFile(source, ['config.json'])
  const tokenizer = await firstFile(source, ['tokenizer.json'])
  return {
    model: model ?? refuse(await withoutModel(source, names)),
    config: config ?? refuse('it has no config.json; copy it from where the model was trained'),
    tokenizer: tokenizer ?? refuse(withoutTokenizer(names)),
    tokenizerConfig: await firstFile(source, ['tokenizer_config.json']),
    card: await firstFile(source, [cardFile]),
  }
}

async function firstFile(source: string, names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const path = join(source, name)
    if (await isFile(path)) return path
  }
  return undefined
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if (isAbsent(error)) return false
    throw new DriftlineError('MODEL_INVALID', { reason: messageOf(error), file: path }, { cause: error })
  }
}

async function withoutModel(source: string, names: readonly string[]): Promise<string> {
  const inFolder = names.includes('onnx') ? await readdir(join(source, 'onnx')) : []
  const others = [...names, ...inFolder.map((name) => `onnx/${name}`)].filter((name) => name.endsWith('.onnx'))
  return others.length > 0
    ? `it has neither model.onnx nor onnx/model.onnx, only ${others.join(', ')}; rename the one to use to model.onnx`
    : 'it has neither model.onnx nor onnx/model.onnx; export it, e.g. with optimum-cli export onnx --task text-classification'
}

function withoutTokenizer(names: readonly string[]): string {
  const older = names.filter((name) => ['vocab.txt', 'vocab.json', 'spiece.model', 'tokenizer.model'].includes(name))
  const found = older.length > 0 ? ` (only ${older.join(', ')}, of the slow tokenizer)` : ''
  return `it has no tokenizer.json${found}; save the fast tokenizer beside the model (AutoTokenizer, save_pretrained)`
}
