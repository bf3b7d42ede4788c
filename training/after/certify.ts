import { z } from 'zod'
import type { Variant } from '../../models/variants.ts'
import { argmax, softmaxRows } from '../../stats/softmax.ts'

/** How one variant of a model, as it is scored, compares with the model as it was trained. */
const Comparison = z.strictObject({
  /** `fp32` is model.onnx itself. */
  variant: z.enum(['fp32', 'int8', 'fp16']),
  /** Where the reference was computed: TensorFlow.js on this backend. */
  backend: z.string(),
  /** onnxruntime's execution provider. */
  provider: z.string(),
  rows: z.int().nonnegative(),
  /** Largest difference of any class probability, 0 to 1. */
  maxDelta: z.number(),
  /** Share of rows with the same most probable class. */
  argmaxAgreement: z.number(),
  /** Of onnxruntime on these rows. */
  accuracy: z.number(),
  /** Of TensorFlow.js on these rows; older certificates do not say. */
  trainedAccuracy: z.number().optional(),
  passed: z.boolean(),
})

/** certificate.json: proof that what scores is what was trained. */
export const Certificate = z.strictObject({
  schema: z.literal(1),
  createdAt: z.iso.datetime(),
  comparisons: z.array(Comparison),
  /** Of the fp32 comparison; a version that did not pass may take no alias. */
  passed: z.boolean(),
})

export type Comparison = z.infer<typeof Comparison>
export type Certificate = z.infer<typeof Certificate>

/** fp32: the same sums in another order; measured differences are near 1e-6. A tie may fall either way once in 1,000 rows. */
const exact = { largestDelta: 1e-4, leastAgreement: 0.999 }
/** fp16 keeps 11 bits of each number: measured differences are near 1e-3, and a tie may fall either way more often. */
const half = { largestDelta: 1e-2, leastAgreement: 0.99 }
/**
 * int8 is another set of numbers, so it answers for its accuracy instead: at most half a point is lost. On few rows that is
 * few answers (one in 200), and chance decides near the line; then the worst is that int8's speed is missed, as fp32 stays.
 */
const largestAccuracyLoss = 0.005

export interface Measured {
  readonly variant: Variant
  readonly backend: string
  readonly provider: string
  readonly classes: number
  /** [rows], index of the class. */
  readonly truth: readonly number[]
  /** [rows · classes], logits of TensorFlow.js with the trained weights. */
  readonly reference: Float32Array
  /** [rows · classes], logits of onnxruntime with the written file. */
  readonly measured: Float32Array
}

export function compare(run: Measured): Comparison {
  const { variant, backend, provider, classes, truth, reference, measured } = run
  const expected = softmaxRows(reference, classes)
  const actual = softmaxRows(measured, classes)
  // A NaN must fail: Math.max hands it on, and no comparison with it holds.
  const maxDelta = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (actual[at] ?? 0))), 0)
  let agreed = 0
  let right = 0
  let rightReference = 0
  truth.forEach((label, row) => {
    const ours = argmax(expected, row, classes)
    const theirs = argmax(actual, row, classes)
    if (ours === theirs) agreed++
    if (theirs === label) right++
    if (ours === label) rightReference++
  })
  const rows = truth.length
  const share = (count: number) => count / Math.max(1, rows)
  const argmaxAgreement = share(agreed)
  const finite = Number.isFinite(maxDelta)
  const near = (limits: { largestDelta: number; leastAgreement: number }) =>
    maxDelta <= limits.largestDelta && argmaxAgreement >= limits.leastAgreement
  const kept = {
    fp32: near(exact),
    fp16: near(half),
    int8: finite && rightReference - right <= rows * largestAccuracyLoss,
  }
  const passed = rows > 0 && kept[variant]
  return {
    variant,
    backend,
    provider,
    rows,
    maxDelta: finite ? maxDelta : 1,
    argmaxAgreement,
    accuracy: share(right),
    trainedAccuracy: share(rightReference),
    passed,
  }
}

/** A line for people. */
export function describeComparison(comparison: Comparison): string {
  const { variant, backend, provider, rows, maxDelta, argmaxAgreement, passed } = comparison
  const percent = (share: number, digits: number) => `${(100 * share).toFixed(digits)} %`
  return [
    `${variant}: ${passed ? 'passed' : variant === 'fp32' ? 'FAILED' : 'dropped'}; onnxruntime ${provider} against TensorFlow.js ${backend} on ${rows} posts`,
    `max |Δp| ${maxDelta.toExponential(1)}, arg-max agrees ${percent(argmaxAgreement, 2)}, ${accuracies(comparison)}`,
  ].join(': ')
}

function accuracies({ variant, rows, accuracy, trainedAccuracy }: Comparison): string {
  const own = `accuracy ${(100 * accuracy).toFixed(1)} %`
  if (variant !== 'int8' || trainedAccuracy === undefined) return own
  const spare = Math.floor(rows * largestAccuracyLoss)
  const lost = Math.round((trainedAccuracy - accuracy) * rows)
  const change = lost < 0 ? `${-lost} more right` : `${lost} fewer right`
  return `${own}, ${change} of at most ${spare} that half a point allows`
}
