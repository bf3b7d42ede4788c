import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../../core/package-root.ts'

const numbers = z.array(z.number())
const triples = z.array(z.tuple([z.number(), z.number(), z.number()]))
const pairs = z.array(z.tuple([z.number(), z.number()]))

const Tests = z.object({
  special: z.object({ chiSquareUpper: triples, chiSquareQuantile: triples, kolmogorovUpper: pairs, logGamma: pairs }),
  ks: z.array(
    z.object({ first: numbers, second: numbers, statistic: z.number(), exact: z.number(), asymptotic: z.number() }),
  ),
  tied: z.array(z.object({ first: numbers, second: numbers, statistic: z.number(), exact: z.number() })),
  distances: z.array(
    z.object({
      first: numbers,
      second: numbers,
      jensenShannon: z.number(),
      hellinger: z.number(),
      wasserstein: z.number(),
      psi: z.number().nullable(),
    }),
  ),
  samples: z.array(z.object({ first: numbers, second: numbers, wasserstein: z.number() })),
  tables: z.array(
    z.object({
      table: z.array(numbers),
      chiSquare: numbers,
      chiSquareYates: numbers,
      g: numbers,
      gYates: numbers,
    }),
  ),
  wilson: z.array(numbers),
  paired: z.array(numbers),
  hochberg: z.object({ p: numbers, adjusted: numbers }),
  isotonic: z.object({ x: numbers, y: numbers, at: numbers, value: numbers }),
  calibration: z.object({
    probabilities: numbers,
    truth: numbers,
    live: numbers,
    accuracy: z.number(),
    brier: z.number(),
  }),
  mixture: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
})

const Streams = z.array(
  z.object({
    detector: z.enum(['adwin', 'page-hinkley', 'ddm', 'kswin']),
    options: z.record(z.string(), z.union([z.number(), z.string()])),
    stream: z.string(),
    seed: z.number(),
    parts: z.array(z.tuple([z.number(), z.number(), z.enum(['rate', 'level'])])),
    alarms: numbers,
    warnings: z.number().optional(),
  }),
)

const read = (name: string): unknown => JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/stats', name), 'utf8'))

/** What SciPy, statsmodels and scikit-learn say; see test/fixtures/stats/README.md. */
export const tests = Tests.parse(read('tests.json'))

/** What River's detectors say. */
export const streams = Streams.parse(read('streams.json'))

/** Holds to a relative error, 1e-10 unless told. */
export function expectRelative(value: number, expected: number, error = 1e-10): void {
  expect(Math.abs(value - expected), `${value} against ${expected}`).toBeLessThanOrEqual(
    error * Math.max(Math.abs(expected), 1e-300),
  )
}
