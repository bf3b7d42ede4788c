import { type Random, seededRandom } from '../core/random.ts'

const syllables =
  'ka to mi re sun lo ve ha ti on er in st an al ed ing ou gre at wor ba ly un fli ght day nt pho ne'.split(' ')
const signs = ['.', ',', '!', '?', '!!!', '...', ' -', ':']
const emoji = ['😂', '❤️', '😍', '😭', '🔥', '👍🏽', '🙄', '😡']

/** Distinct words; with the exponent below, posts meet new ones about as often as tweets do. */
const words = 60_000
const exponent = 1.05

/**
 * Posts of the length and the word statistics of tweets, without anybody's text: words by Zipf's law, and as many URLs,
 * mentions, hashtags, emoji, entities and elongations as there are in a stream of tweets. A tokenizer that remembers words would
 * look too good on posts made from templates.
 */
export function syntheticPosts(count: number, seed: number): string[] {
  const random = seededRandom(seed)
  const lexicon = Array.from({ length: words }, () =>
    Array.from({ length: 1 + Math.floor(random() * 3.2) }, () => pick(random, syllables)).join(''),
  )
  const shares = cumulativeZipf(words)
  return Array.from({ length: count }, () => post(random, lexicon, shares))
}

function post(random: Random, lexicon: readonly string[], shares: Float64Array): string {
  const parts: string[] = []
  if (random() < 0.15) parts.push(`RT @user${Math.floor(random() * 5000)}:`)
  const length = 6 + Math.floor(random() * 18)
  for (let index = 0; index < length; index++) {
    let word = lexicon[indexOf(shares, random())] ?? ''
    if (random() < 0.08) word = word.charAt(0).toUpperCase() + word.slice(1)
    if (random() < 0.01) word += (word.at(-1) ?? '').repeat(4)
    if (random() < 0.12) word += pick(random, signs)
    parts.push(word)
  }
  if (random() < 0.35) parts.push(`#${lexicon[indexOf(shares, random())]}`)
  if (random() < 0.2) parts.push(`@user${Math.floor(random() * 5000)}`)
  if (random() < 0.15) parts.push(pick(random, emoji).repeat(1 + Math.floor(random() * 3)))
  if (random() < 0.1) parts.push('&amp; it’s')
  if (random() < 0.4) parts.push(`http://t.co/${Math.floor(random() * 1e9).toString(36)}`)
  return parts.join(' ')
}

const pick = (random: Random, from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? ''

function cumulativeZipf(size: number): Float64Array {
  const shares = new Float64Array(size)
  let sum = 0
  for (let rank = 0; rank < size; rank++) {
    sum += (rank + 1) ** -exponent
    shares[rank] = sum
  }
  return shares.map((share) => share / sum)
}

/** First rank whose cumulative share is above `value`. */
function indexOf(shares: Float64Array, value: number): number {
  let [low, high] = [0, shares.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((shares[middle] ?? 1) > value) high = middle
    else low = middle + 1
  }
  return low
}
