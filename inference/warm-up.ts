const words = (
  'so happy about this new phone thanks @shop!!! https://example.com/a?b=c #GoodNews :) the worst service ever 😡 ' +
  'can’t believe it &amp; waited 45 minutes… soooo slow RT @friend: why?? mañana über 素晴らしい zqxv great day, 10/10'
).split(' ')

/**
 * Made up to be like posts: what the normaliser rewrites, lengths of two to some sixty words, words that no vocabulary has.
 * The first 250 real posts took threads that had only run once 58 ms, and 12 ms once their code was compiled.
 */
const texts: readonly string[] = Array.from({ length: 32 }, (_, at) =>
  Array.from({ length: 2 + ((at * 7) % 60) }, (_, word) => words[(at * 5 + word * 3) % words.length]).join(' '),
)

/** Longest time of it, in microseconds: what is left cold after that is warmed by posts, which then wait for it. */
const longestUs = 200_000

/** Until the code is compiled; and, where it is, until a new session has allocated what it needs. */
export const warmUpRounds = { first: 24, again: 2 }

/**
 * Scores made-up posts so many times, or until the time is up.
 *
 * @param rounds see `warmUpRounds`
 */
export async function warmUp(
  score: (texts: readonly string[]) => Promise<unknown>,
  nowUs: () => number,
  rounds: number,
): Promise<void> {
  const endUs = nowUs() + longestUs
  for (let round = 0; round < rounds && nowUs() < endUs; round++) await score(texts)
}
