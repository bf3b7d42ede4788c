/** A word of the corpus as symbol ids, merged in place. */
interface Word {
  symbols: number[]
  readonly count: number
}

/** Two symbol ids as one number: exact below 2⁵³ for vocabularies to 2²⁴. */
const pairKey = (left: number, right: number): number => left * 16_777_216 + right

/**
 * Byte-pair merging (Sennrich, Haddow, Birch 2016): the most frequent pair of neighbours becomes a symbol, again and
 * again. Of equally frequent pairs the one with the lower ids goes first, so the result depends on counts alone.
 *
 * @param words symbol ids of each distinct word, with how often the word occurs; not changed
 * @param merge names the pair: returns the id of the joined symbol, which may be an existing one, or `undefined` to stop
 * @param minFrequency pairs that are rarer are left alone
 */
export function mergePairs(
  words: readonly { readonly symbols: readonly number[]; readonly count: number }[],
  merge: (left: number, right: number) => number | undefined,
  minFrequency: number,
): void {
  const corpus: Word[] = words.map(({ symbols, count }) => ({ symbols: [...symbols], count }))
  const counts = new Map<number, number>()
  const places = new Map<number, Set<number>>() // words that may hold the pair
  const queue = new PairQueue()

  const add = (left: number, right: number, wordIndex: number, count: number): void => {
    const key = pairKey(left, right)
    counts.set(key, (counts.get(key) ?? 0) + count)
    const at = places.get(key)
    if (at === undefined) places.set(key, new Set([wordIndex]))
    else at.add(wordIndex)
  }

  corpus.forEach(({ symbols, count }, wordIndex) => {
    for (let at = 1; at < symbols.length; at++) add(symbols[at - 1] ?? 0, symbols[at] ?? 0, wordIndex, count)
  })
  for (const [key, count] of counts) queue.push(key, count)

  for (let top = queue.pop(); top !== undefined; top = queue.pop()) {
    const count = counts.get(top.key) ?? 0
    if (count < top.count) {
      if (count >= minFrequency) queue.push(top.key, count) // it shrank since it was queued
      continue
    }
    if (count < minFrequency) return
    const left = Math.floor(top.key / 16_777_216)
    const right = top.key % 16_777_216
    const joined = merge(left, right)
    if (joined === undefined) return
    const grown = new Set<number>()
    for (const wordIndex of places.get(top.key) ?? []) {
      const word = corpus[wordIndex]
      if (word === undefined) continue
      const { symbols } = word
      for (let at = 1; at < symbols.length; at++) {
        const key = pairKey(symbols[at - 1] ?? 0, symbols[at] ?? 0)
        counts.set(key, (counts.get(key) ?? 0) - word.count)
      }
      word.symbols = joinIn(symbols, left, right, joined)
      for (let at = 1; at < word.symbols.length; at++) {
        const [a, b] = [word.symbols[at - 1] ?? 0, word.symbols[at] ?? 0]
        add(a, b, wordIndex, word.count)
        if (a === joined || b === joined) grown.add(pairKey(a, b))
      }
    }
    counts.delete(top.key)
    places.delete(top.key)
    for (const key of grown) queue.push(key, counts.get(key) ?? 0)
  }
}

function joinIn(symbols: readonly number[], left: number, right: number, joined: number): number[] {
  const out: number[] = []
  for (let at = 0; at < symbols.length; at++) {
    const symbol = symbols[at] ?? 0
    if (symbol === left && symbols[at + 1] === right) {
      out.push(joined)
      at++
    } else out.push(symbol)
  }
  return out
}

/** A binary heap: highest count first, then lowest key. Entries may be out of date; the caller checks. */
class PairQueue {
  readonly #heap: { readonly key: number; readonly count: number }[] = []

  push(key: number, count: number): void {
    const heap = this.#heap
    const entry = { key, count }
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || before(above, entry)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  pop(): { readonly key: number; readonly count: number } | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let best = heap[child]
      if (best === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && before(right, best)) {
        child++
        best = right
      }
      if (before(last, best)) break
      heap[at] = best
      at = child
    }
    heap[at] = last
    return top
  }
}

const before = (a: { readonly key: number; readonly count: number }, b: typeof a): boolean =>
  a.count > b.count || (a.count === b.count && a.key < b.key)
