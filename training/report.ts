import { mcnemar, type PairedTest } from '../stats/mcnemar.ts'
import { argmax } from '../stats/softmax.ts'
import type { Example, InputForm } from './data-batches.ts'
import { type Evaluation, evaluate } from './evaluate.ts'
import { onnxLogits } from './onnx-logits.ts'

/** One set of posts that was never trained on, as onnxruntime scores it with the files that were written. */
export interface SetReport {
  readonly name: string
  readonly model: Evaluation
  /** The version that training started from, on the same posts. */
  readonly base: Evaluation | undefined
  /** First is the base, second the new model; by accuracy. */
  readonly paired: PairedTest | undefined
}

/** Contents of a model.onnx, and the posts as that model reads them. */
export interface Contender {
  readonly onnx: Uint8Array
  readonly examples: readonly Example[]
}

/** @param before the version that training started from, on the same posts in the same order */
export async function reportOn(
  name: string,
  labels: readonly string[],
  form: InputForm,
  { onnx, examples }: Contender,
  before: Contender | undefined,
): Promise<SetReport> {
  const truth = examples.map(({ label }) => label)
  const logits = await onnxLogits(onnx, examples, form, labels.length)
  const model = evaluate(logits, truth, labels)
  if (before === undefined) return { name, model, base: undefined, paired: undefined }
  const baseLogits = await onnxLogits(before.onnx, before.examples, form, labels.length)
  const right = (of: Float32Array) => truth.map((label, row) => argmax(of, row, labels.length) === label)
  return {
    name,
    model,
    base: evaluate(baseLogits, truth, labels),
    paired: mcnemar(right(baseLogits), right(logits)),
  }
}

const percent = (share: number): string => (100 * share).toFixed(1).padStart(5)

/** The report of one set as lines of text. */
export function describeSet({ name, model, base, paired }: SetReport): string[] {
  const row = (title: string, { accuracy, macroRecall, macroF1, ece }: Evaluation): string =>
    `  ${title.padEnd(6)} accuracy ${percent(accuracy)}  macro-recall ${percent(macroRecall)}  macro-F1 ${percent(macroF1)}  ECE ${ece.toFixed(3)}`
  const width = Math.max(...model.perClass.map(({ label }) => label.length), 9)
  return [
    `${name}: ${model.rows} posts`,
    ...(base === undefined ? [] : [row('base', base)]),
    row('new', model),
    ...model.perClass.map(
      ({ label, rows, precision, recall, f1 }) =>
        `    ${label.padEnd(width)} ${String(rows).padStart(6)} posts  precision ${percent(precision)}  recall ${percent(recall)}  F1 ${percent(f1)}`,
    ),
    `    true ↓ / predicted → ${model.perClass.map(({ label }) => label).join(', ')}: ${model.confusion.map((counts) => counts.join(' ')).join(' | ')}`,
    ...(paired === undefined
      ? []
      : [
          `  only new right ${paired.onlySecond}, only base right ${paired.onlyFirst}; McNemar mid-p ${paired.midP.toExponential(1)}`,
        ]),
  ]
}
