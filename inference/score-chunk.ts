import { messageOf } from '../core/errors.ts'
import type { Tokenizer } from '../text/tokenizer.ts'
import { cutByTokens } from './batches.ts'
import { softmaxRow } from './softmax.ts'

/** Scores of many texts as columns: they cross from a thread to another without a copy. */
export interface Columns {
  /** [texts, classes] */
  readonly probabilities: Float64Array
  /** [texts] */
  readonly tokens: Int32Array
  readonly unknown: Int32Array
  /** Microseconds of the run a text was in, divided by its rows. */
  readonly inferenceUs: Float64Array
  /** Texts the model cannot score; their columns hold nothing. */
  readonly failures: readonly { readonly index: number; readonly reason: string }[]
}

/**
 * One run of the model.
 *
 * @param rows token ids, each at least one
 * @returns logits, [rows, classes]
 */
export type RunModel = (rows: readonly (readonly number[])[]) => Promise<Float32Array>

export interface ChunkOptions {
  readonly normalise: (text: string) => string
  readonly tokenizer: Tokenizer
  readonly maxTokens: number
  readonly classes: number
  /** Most tokens of a run, padding included. */
  readonly batchTokens: number
  readonly run: RunModel
  /** Microseconds of a steady clock. */
  readonly nowUs: () => number
  /** Looked at before each run: true drops the chunk. */
  readonly stopped: () => boolean
}

/**
 * Texts to scores, in their order. A run that throws, or whose logits are not numbers, is cut in halves until the texts
 * that cause it stand alone; the others get their scores. Halves, because one row can spoil a batch: quantised models
 * take one scale for all rows.
 *
 * @returns `undefined` when it was stopped
 */
export async function scoreChunk(texts: readonly string[], options: ChunkOptions): Promise<Columns | undefined> {
  const { normalise, tokenizer, maxTokens, classes } = options
  const columns = {
    probabilities: new Float64Array(texts.length * classes),
    tokens: new Int32Array(texts.length),
    unknown: new Int32Array(texts.length),
    inferenceUs: new Float64Array(texts.length),
    failures: [] as { index: number; reason: string }[],
  }
  const rows = texts.map((text, index) => {
    try {
      const { ids, unknown } = tokenizer.encode(normalise(text), maxTokens)
      columns.tokens[index] = ids.length
      columns.unknown[index] = unknown
      return ids
    } catch (error) {
      columns.failures.push({ index, reason: `the tokenizer failed: ${messageOf(error)}` })
      return undefined
    }
  })

  const runs = cutByTokens(rows, options.batchTokens).reverse()
  for (let indexes = runs.pop(); indexes !== undefined; indexes = runs.pop()) {
    if (options.stopped()) return undefined
    const startUs = options.nowUs()
    const reason = await runInto(indexes, rows, columns.probabilities, options)
    if (reason === undefined) {
      const eachUs = (options.nowUs() - startUs) / indexes.length
      for (const index of indexes) columns.inferenceUs[index] = eachUs
    } else if (indexes.length > 1) {
      const half = indexes.length >> 1
      runs.push(indexes.slice(half), indexes.slice(0, half))
    } else {
      for (const index of indexes) columns.failures.push({ index, reason })
    }
  }
  return columns
}

/** Runs the rows named by `indexes` and spreads their probabilities; returns what went wrong, if something did. */
async function runInto(
  indexes: readonly number[],
  rows: readonly (readonly number[] | undefined)[],
  probabilities: Float64Array,
  { run, classes }: ChunkOptions,
): Promise<string | undefined> {
  let logits: Float32Array
  try {
    logits = await run(indexes.map((index) => rows[index] ?? []))
  } catch (error) {
    return messageOf(error)
  }
  if (logits.length !== indexes.length * classes) {
    return `the model gave ${logits.length} logits for ${indexes.length} texts of ${classes} classes`
  }
  for (const [row, index] of indexes.entries()) {
    if (!softmaxRow(logits, row, classes, probabilities, index * classes)) return 'a logit is not a finite number'
  }
  return undefined
}
