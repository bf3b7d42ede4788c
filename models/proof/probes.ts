/** Texts that a model is tried with: made up, short, of many kinds. */
export const shortProbes: readonly string[] = [
  'a short text to try the model on',
  'The flight was late and nobody told us why.',
  'best day ever!!! 😂😂 ❤️',
  'worst. movie. ever :(',
  '@user have you seen http://example.org #today',
  '12:45, 3.14 % and £20',
  'é à ü ß ñ 日本語 привет مرحبا',
  '',
]

/** Longest text of a post. */
const longest = 8192

/** As many different words as the model takes tokens. */
export const longProbe = (maxTokens: number): string =>
  Array.from({ length: maxTokens }, (_, index) => `word${index}`).join(' ')

/**
 * Texts that cost a bad tokenizer the most: one sign over and over, with one at the end that fits no more, so that a pattern
 * which can match in many ways tries them all.
 *
 * @param signs those that the tokenizer's own patterns name
 */
export function* costlyProbes(signs: Iterable<string>): Generator<string> {
  const usual = ['a', 'A', '0', ' ', '\n', '.', "'", '_', 'é', '日', '😂', '\u200b', 'ab', 'a ', 'a1', '. ']
  for (const sign of new Set([...usual, ...signs])) {
    yield `${sign.repeat(Math.floor((longest - 2) / sign.length))}\u0001!`
  }
}
