import { DriftlineError } from '../core/errors.ts'
import type { Columns } from './score-chunk.ts'
import type { Scored } from './scorer.ts'

/** Writes the scores of a chunk into `results` from `start` on. */
export function fillScored(
  results: (Scored | DriftlineError)[],
  start: number,
  count: number,
  columns: Columns,
  labels: readonly string[],
): void {
  const { probabilities, tokens, unknown, inferenceUs, failures } = columns
  const classes = labels.length
  for (let index = 0; index < count; index++) {
    const row: number[] = []
    let best = 0
    let highest = -1
    let second = -1
    for (let label = 0; label < classes; label++) {
      const probability = probabilities[index * classes + label] ?? 0
      row.push(probability)
      if (probability > highest) {
        second = highest
        highest = probability
        best = label
      } else if (probability > second) second = probability
    }
    results[start + index] = {
      label: labels[best] ?? '',
      confidence: highest,
      probabilities: row,
      margin: highest - second,
      tokens: tokens[index] ?? 0,
      unknownTokens: unknown[index] ?? 0,
      inferenceUs: inferenceUs[index] ?? 0,
    }
  }
  for (const { index, reason } of failures) results[start + index] = new DriftlineError('INFERENCE_FAILED', { reason })
}
