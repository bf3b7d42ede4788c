import { expect } from 'vitest'

/** Five standard deviations of a binomial count: chance passes them about once in two million. */
const spread = (runs: number, alpha: number): number => 5 * Math.sqrt(runs * alpha * (1 - alpha))

/** Holds a false-alarm rate to at most `alpha`, within what chance does to `runs` runs without a change. */
export function expectAtMost(alarms: number, runs: number, alpha: number): void {
  expect(alarms, `${alarms} of ${runs} at ${alpha}`).toBeLessThanOrEqual(alpha * runs + spread(runs, alpha))
}

/** Holds p-values of runs without a change to a uniform distribution: the share at or below each level is that level. */
export function expectUniform(p: readonly number[]): void {
  for (const alpha of [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9]) {
    const below = p.filter((value) => value <= alpha).length
    const off = Math.abs(below - alpha * p.length)
    expect(off, `${below} of ${p.length} at ${alpha}`).toBeLessThanOrEqual(spread(p.length, alpha))
  }
}
