import { logistic } from '../../stats/logistic.ts'
import { normaliseSocial1 } from '../../text/normalise.ts'
import { signalsOf } from '../../text/signals.ts'
import type { ShiftModel } from './check-result.ts'

const wordPattern = /[\p{L}\p{M}\p{N}']+|\p{Extended_Pictographic}/gu

/**
 * Distinct words and hashtags of a post, lower case. The normaliser takes a hashtag apart into words; the tag itself comes
 * from `hashtags`, as scoring found them.
 */
export function wordsOf(text: string, hashtags: readonly string[]): readonly string[] {
  const words = normaliseSocial1(text).toLowerCase().match(wordPattern) ?? []
  return [...new Set([...words, ...hashtags.map((tag) => `#${tag}`)])]
}

/** Probability that a post is from the window and not from the baseline: 0.5 for words that say nothing. */
export function shiftScore({ bias, weights }: ShiftModel, words: readonly string[]): number {
  let sum = bias
  for (const word of words) sum += Object.hasOwn(weights, word) ? (weights[word] ?? 0) : 0
  return logistic(sum)
}

/** The same of a text as it was posted. */
export const shiftScoreOf = (model: ShiftModel, text: string): number =>
  shiftScore(model, wordsOf(text, signalsOf(text).hashtags))
