import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergePairs } from './merges.ts'

interface Word {
  symbols: number[]
  count: number
}

/** The same by counting everything anew for each merge. */
function naive(words: readonly Word[], most: number, minFrequency: number): [number, number][] {
  let corpus = words.map(({ symbols, count }) => ({ symbols, count }))
  const merges: [number, number][] = []
  for (let next = 100; merges.length < most; next++) {
    const counts = new Map<string, number>()
    for (const { symbols, count } of corpus) {
      for (let at = 1; at < symbols.length; at++) {
        const key = `${symbols[at - 1]},${symbols[at]}`
        counts.set(key, (counts.get(key) ?? 0) + count)
      }
    }
    const pairs = [...counts].map(([key, count]) => ({ pair: key.split(',').map(Number) as [number, number], count }))
    pairs.sort((a, b) => b.count - a.count || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1])
    const top = pairs[0]
    if (top === undefined || top.count < minFrequency) break
    merges.push(top.pair)
    corpus = corpus.map(({ symbols, count }) => {
      const out: number[] = []
      for (let at = 0; at < symbols.length; at++) {
        const here = symbols[at] === top.pair[0] && symbols[at + 1] === top.pair[1]
        out.push(here ? next : (symbols[at] ?? 0))
        if (here) at++
      }
      return { symbols: out, count }
    })
  }
  return merges
}

test('merges the same pairs in the same order as counting anew each time', () => {
  const word = fc.record({
    symbols: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 }),
    count: fc.integer({ min: 1, max: 5 }),
  })
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (words, minFrequency) => {
      const merges: [number, number][] = []
      mergePairs(
        words,
        (left, right) => (merges.length < 6 ? 99 + merges.push([left, right]) : undefined),
        minFrequency,
      )
      expect(merges).toEqual(naive(words, 6, minFrequency))
    }),
    { numRuns: 300 },
  )
})
