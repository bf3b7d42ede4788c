import { describe, expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { adwin } from './adwin.ts'
import { bernoulliMixture, confidenceSequence, logMixtureRatio } from './bernoulli-mixture.ts'
import { betting } from './betting.ts'
import { ddm } from './ddm.ts'
import type { Detector } from './detector.ts'
import { kswin } from './kswin.ts'
import { pageHinkley } from './page-hinkley.ts'
import { streams, tests } from './testing/fixtures.ts'
import { expectAtMost } from './testing/null.ts'

type Part = readonly [size: number, level: number, kind: 'rate' | 'level']

/** The streams of make.py: 0 and 1 with a rate, or uniform numbers from a level to 1 above it. */
function streamOf(seed: number, parts: readonly Part[]): number[] {
  const random = seededRandom(seed)
  return parts.flatMap(([size, level, kind]) =>
    Array.from({ length: size }, () => (kind === 'level' ? level + random() : random() < level ? 1 : 0)),
  )
}

/** Index of every value that is followed by this verdict. */
function indices<State>(detector: Detector<State>, values: readonly number[], wanted = 'drift'): number[] {
  let state = detector.initial()
  return values.flatMap((value, index) => {
    const next = detector.step(state, value)
    state = next.state
    return next.verdict === wanted ? [index] : []
  })
}

const number = (value: number | string | undefined): number | undefined =>
  typeof value === 'number' ? value : undefined
const given = <T extends object>(options: T) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

/** Our detector for River's options. */
function same({ detector, options }: (typeof streams)[number], values: readonly number[], wanted?: string): number[] {
  const of = (name: string) => number(options[name])
  switch (detector) {
    case 'adwin': {
      const [delta, every, perLevel] = [of('delta'), of('clock'), of('max_buckets')]
      const [shortestPart, grace] = [of('min_window_length'), of('grace_period')]
      return indices(adwin(given({ delta, every, perLevel, shortestPart, grace })), values, wanted)
    }
    case 'page-hinkley': {
      const [tolerance, threshold, keep] = [of('delta'), of('threshold'), of('alpha')]
      return indices(pageHinkley(given({ tolerance, threshold, keep, direction: options.mode })), values, wanted)
    }
    case 'ddm': {
      const [grace, warnAt, alarmAt] = [of('warm_start'), of('warning_threshold'), of('drift_threshold')]
      return indices(ddm(given({ grace, warnAt, alarmAt })), values, wanted)
    }
    case 'kswin': {
      const [alpha, window, newest] = [of('alpha'), of('window_size'), of('stat_size')]
      return indices(kswin({ seed: of('seed') ?? 0, ...given({ alpha, window, newest }) }), values, wanted)
    }
  }
}

test.each(streams)('$detector $options alarms where River does: $stream', (run) => {
  const values = streamOf(run.seed, run.parts)
  expect(same(run, values)).toEqual(run.alarms)
  if (run.warnings !== undefined) expect(same(run, values, 'warning')).toHaveLength(run.warnings)
})

/** What holds for every detector; a new one gets one line below. */
function generic<State>(detector: Detector<State>): void {
  describe(detector.name, () => {
    const values = streamOf(12, [
      [300, 0.2, 'rate'],
      [300, 0.9, 'rate'],
    ])

    test('sees a large change', () => {
      expect(indices(detector, values).filter((index) => index >= 300).length).toBeGreaterThan(0)
    })

    test('is deterministic, and a state that went through JSON and structuredClone goes on the same', () => {
      let state = detector.initial()
      const verdicts = values.map((value) => {
        const next = detector.step(structuredClone(state), value)
        expect(JSON.parse(JSON.stringify(next.state))).toEqual(next.state)
        state = JSON.parse(JSON.stringify(next.state))
        return next.verdict
      })
      expect(verdicts.flatMap((verdict, index) => (verdict === 'drift' ? [index] : []))).toEqual(
        indices(detector, values),
      )
    })

    test('leaves the state that it was given as it was', () => {
      let state = detector.initial()
      for (const value of values) {
        const before = structuredClone(state)
        const next = detector.step(state, value)
        expect(state).toEqual(before)
        state = next.state
      }
    })

    test('an empty window alarms nothing, and neither do equal values', () => {
      expect(indices(detector, [])).toEqual([])
      expect(indices(detector, Array(1000).fill(0))).toEqual([])
    })

    test('NaN and infinity are refused', () => {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => detector.step(detector.initial(), bad)).toThrow(RangeError)
      }
    })
  })
}

generic(adwin())
generic(pageHinkley({ threshold: 8 }))
generic(ddm())
generic(kswin({ seed: 1 }))
generic(bernoulliMixture({ rate: 0.4 }))
generic(betting({ mean: 0.4 }))

test('DDM takes errors, 0 or 1, and no losses', () => {
  expect(() => ddm().step(ddm().initial(), 0.5)).toThrow(RangeError)
})

test.each(tests.mixture)('ln Λ of %d in %d against %d is its integral', (successes, n, rate, value) => {
  expect(logMixtureRatio(successes, n, rate)).toBeCloseTo(value, 6)
})

/** Whoever promises to be valid at any time is looked at after every value. */
function anytimeValid<State>(detector: Detector<State>): void {
  test(`${detector.name}, asked after each of 1,000 posts, alarms in at most 5 % of streams without a change`, () => {
    const runs = 400
    for (const rate of [0.3, 0.2]) {
      let alarms = 0
      for (let run = 0; run < runs; run++) {
        if (firstAlarm(detector, streamOf(1000 + run, [[1000, rate, 'rate']])) !== undefined) alarms++
      }
      expectAtMost(alarms, runs, 0.05)
    }
    expect(firstAlarm(detector, streamOf(1, [[1000, 0.5, 'rate']]))).toBeLessThan(300)
  })
}

anytimeValid(bernoulliMixture({ rate: 0.3, alpha: 0.05 }))
anytimeValid(betting({ mean: 0.3, alpha: 0.05 }))

function firstAlarm<State>(detector: Detector<State>, values: readonly number[]): number | undefined {
  let state = detector.initial()
  for (const [index, value] of values.entries()) {
    const next = detector.step(state, value)
    if (next.verdict === 'drift') return index
    state = next.state
  }
  return undefined
}

test('the confidence sequence covers the rate at every n at once, and alarms when all of it lies above', () => {
  const runs = 200
  let missed = 0
  for (let run = 0; run < runs; run++) {
    let successes = 0
    const values = streamOf(5000 + run, [[400, 0.15, 'rate']])
    const outside = values.some((value, index) => {
      successes += value
      if (index % 8 !== 0) return false
      const { low, high } = confidenceSequence(successes, index + 1)
      return low > 0.15 || high < 0.15
    })
    if (outside) missed++
  }
  expectAtMost(missed, runs, 0.05)
  expect(confidenceSequence(0, 0)).toEqual({ low: 0, high: 1 })
  expect(confidenceSequence(0, 50).low).toBe(0)
  expect(confidenceSequence(50, 50).high).toBe(1)
  const { low } = confidenceSequence(60, 100)
  expect(Math.exp(-logMixtureRatio(60, 100, low))).toBeCloseTo(0.05, 6)
  expect(confidenceSequence(6e8, 1e9).high - confidenceSequence(6e8, 1e9).low).toBeLessThan(2e-4)
  expect(() => confidenceSequence(3, 2)).toThrow(RangeError)
})
