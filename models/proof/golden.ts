import { z } from 'zod'

/** The file in a model's directory that says what the model answered when it was made. Optional. */
export const goldenFile = 'golden.json'

/** How far a probability may lie from what it was on another machine: float32 sums differ in their order. */
export const goldenTolerance = 1e-3

/** A handful of made-up texts, and what model.onnx answered. */
export const Golden = z.strictObject({
  schema: z.literal(1),
  cases: z
    .array(z.strictObject({ text: z.string().max(1024), probabilities: z.array(z.number().min(0).max(1)).max(10_000) }))
    .min(1)
    .max(64),
})
export type Golden = z.infer<typeof Golden>

/**
 * The largest difference between what a model answers and what it answered.
 *
 * @param answers probabilities by case; `undefined` for a text that it cannot score
 */
export function largestDifference({ cases }: Golden, answers: readonly (readonly number[] | undefined)[]): number {
  return Math.max(
    ...cases.map(({ probabilities }, index) => {
      const answer = answers[index]
      if (answer?.length !== probabilities.length) return Number.POSITIVE_INFINITY
      return Math.max(...probabilities.map((expected, label) => Math.abs(expected - (answer[label] ?? Number.NaN))))
    }),
  )
}
