import { expect, test } from 'vitest'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { scripted } from '../../dataflow/testing/scripted-source.ts'
import { sourceContract } from '../../dataflow/testing/source-contract.ts'
import { limited, paced } from './pace.ts'

const numbers = Array.from({ length: 500 }, (_, n) => n)
const { signal } = new AbortController()

sourceContract('limited source', async () => ({
  source: limited(scripted<number>({ a: numbers }), 7),
  held: new Map([['a', numbers.slice(0, 7)]]),
  async [Symbol.asyncDispose]() {},
}))

sourceContract('paced source', async () => ({
  source: paced(scripted<number>({ a: numbers.slice(0, 9) }), 1e6, { now: () => 0, sleep: async () => {} }),
  held: new Map([['a', numbers.slice(0, 9)]]),
  async [Symbol.asyncDispose]() {},
}))

test.each([5, 40, 100])('a paced source gives %d items a second', async (perSecond) => {
  const clock = manualClock()
  const reader = await paced(scripted<number>({ a: numbers }), perSecond, clock).open('a', undefined, signal)
  let read = 0
  while (clock.now() < 4000) read += (await clock.until(reader.next(1000)))?.length ?? 0
  expect(read).toBeGreaterThanOrEqual(perSecond * 4)
  expect(read).toBeLessThanOrEqual(perSecond * 4.3 + 1)
})
