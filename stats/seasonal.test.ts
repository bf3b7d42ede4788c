import { describe, expect, test } from 'vitest'
import { type Random, seededRandom } from '../core/random.ts'
import { countAgainstSeasons, shareAgainstSeasons } from './seasonal.ts'

const normal = (random: Random): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** Knuth's product of uniforms up to a mean of 200, the normal approximation above. */
function poisson(mean: number, random: Random): number {
  if (mean > 200) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)))
  const least = Math.exp(-mean)
  let [count, product] = [0, random()]
  while (product > least) {
    product *= random()
    count++
  }
  return count
}

function binomial(n: number, share: number, random: Random): number {
  let count = 0
  for (let at = 0; at < n; at++) if (random() < share) count++
  return count
}

/** Share of `runs` that are at or below p. */
function alarms(runs: number, p: number, draw: () => number): number {
  let count = 0
  for (let run = 0; run < runs; run++) if (draw() <= p) count++
  return count / runs
}

const runs = 3000
/** A share of so many runs is above this with a chance of about 1 in 30,000 when the true one is 0.01. */
const above = 0.01 + 4 * Math.sqrt((0.01 * 0.99) / runs)

describe('counts', () => {
  test.each([4, 7, 14])('Poisson noise around the same level alarms no more often than p says (%i seasons)', (n) => {
    for (const mean of [1, 5, 20, 100, 1000]) {
      const random = seededRandom(mean + n)
      const draw = () => {
        const past = Array.from({ length: n }, () => poisson(mean, random))
        return countAgainstSeasons(poisson(mean, random), past).p
      }
      expect(alarms(runs, 0.01, draw), `mean ${mean}`).toBeLessThan(above)
    }
  })

  test.each([0.2, 0.4])(
    'seasons that differ by a factor (log-normal, %d) alarm at most half as often again',
    (spread) => {
      for (const mean of [20, 1000]) {
        const random = seededRandom(mean)
        const level = () => poisson(mean * Math.exp(spread * normal(random)), random)
        const draw = () => countAgainstSeasons(level(), Array.from({ length: 10 }, level)).p
        expect(alarms(runs, 0.01, draw), `mean ${mean}`).toBeLessThan(1.5 * above)
      }
    },
  )

  test('a threefold count is seen', () => {
    expect(countAgainstSeasons(300, [100, 96, 110, 91, 104, 99, 108]).p).toBeLessThan(1e-5)
  })

  test('what is expected is the usual level, and one earlier spike changes neither it nor the alarm', () => {
    const past = [100, 96, 110, 91, 104, 99, 108, 97, 105, 102]
    const before = countAgainstSeasons(300, past)
    const after = countAgainstSeasons(300, [...past, 900])
    expect(before.expected).toBeCloseTo(101, 0)
    expect(after.expected).toBeLessThan(106)
    expect(after.p).toBeLessThan(1e-5)
  })

  test('a name that was never there before: nothing is expected', () => {
    const { expected, p } = countAgainstSeasons(40, [0, 0, 0, 0, 0, 0, 0])
    expect(expected).toBeCloseTo(0, 6)
    expect(p).toBeLessThan(1e-4)
  })

  test('fewer is no spike', () => {
    expect(countAgainstSeasons(10, [100, 96, 110, 91]).p).toBeGreaterThan(0.99)
  })

  test('seasons that are all the same are no proof of anything: chance is taken into account', () => {
    expect(countAgainstSeasons(12, [10, 10, 10, 10, 10]).p).toBeGreaterThan(0.2)
  })

  test.each([[[]], [[3]], [[3, -1]], [[3, Number.NaN]]])('past %j is refused', (past) => {
    expect(() => countAgainstSeasons(3, past)).toThrow(RangeError)
  })
})

describe('shares', () => {
  test.each([0.02, 0.3, 0.9])('binomial noise around a share of %d alarms no more often than p says', (share) => {
    const random = seededRandom(3)
    const part = () => {
      const posts = 20 + Math.floor(random() * 100)
      return { of: binomial(posts, share, random), posts }
    }
    const draw = () => shareAgainstSeasons(part(), Array.from({ length: 7 }, part)).p
    expect(alarms(runs, 0.01, draw)).toBeLessThan(above)
  })

  test('a share that doubles in posts enough is seen, and what was expected is told', () => {
    const past = [0.3, 0.28, 0.33, 0.31, 0.29, 0.3, 0.32].map((share) => ({ of: share * 500, posts: 500 }))
    const { expected, p } = shareAgainstSeasons({ of: 300, posts: 500 }, past)
    expect(expected).toBeCloseTo(0.304, 2)
    expect(p).toBeLessThan(1e-5)
  })

  test('more of the class than posts is refused', () => {
    expect(() =>
      shareAgainstSeasons({ of: 4, posts: 3 }, [
        { of: 1, posts: 2 },
        { of: 1, posts: 2 },
      ]),
    ).toThrow(RangeError)
  })
})
