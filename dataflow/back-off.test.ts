import { expect, test } from 'vitest'
import { backOffMs } from './back-off.ts'

test('the wait doubles up to its limit, and half of it is random', () => {
  const limits = { firstMs: 100, maxMs: 1000 }
  const waits = (random: number) => [0, 1, 2, 3, 4, 2000].map((failures) => backOffMs(limits, failures, () => random))
  expect(waits(0)).toEqual([50, 100, 200, 400, 500, 500])
  expect(waits(1)).toEqual([100, 200, 400, 800, 1000, 1000])
})
