import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { adamWStep, clipScale, squaredNorm, updateAdamW } from './optimiser.ts'
import { schedule } from './schedule.ts'

const numbers = z.array(z.number())
const fixture = z
  .object({
    w0: numbers,
    b0: numbers,
    grads: z.array(z.tuple([numbers, numbers])),
    norms: numbers,
    w: z.array(numbers),
    b: z.array(numbers),
    linear: numbers,
    cosine: numbers,
  })
  .parse(JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/training-parity/adamw.json'), 'utf8')))

const stateOf = (weights: readonly number[]) => ({
  weights: Float32Array.from(weights),
  first: new Float32Array(weights.length),
  second: new Float32Array(weights.length),
})

test('four clipped steps of AdamW, with and without decay, are those of PyTorch', () => {
  const [w, b] = [stateOf(fixture.w0), stateOf(fixture.b0)]
  for (const [index, [gw, gb]] of fixture.grads.entries()) {
    const gradient = Float32Array.from([...gw, ...gb])
    const norm = Math.sqrt(squaredNorm(gradient))
    expect(norm).toBeCloseTo(fixture.norms[index] ?? Number.NaN, 5)
    const options = { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0.1, clipNorm: 1 }
    const step = adamWStep(options, index + 1, 1e-2, norm)
    updateAdamW(w, { start: 0, length: 6, gradient, gradientStart: 0, decays: true }, step)
    updateAdamW(b, { start: 0, length: 3, gradient, gradientStart: 6, decays: false }, step)
    for (const [at, value] of (fixture.w[index] ?? []).entries()) expect(w.weights[at]).toBeCloseTo(value, 6)
    for (const [at, value] of (fixture.b[index] ?? []).entries()) expect(b.weights[at]).toBeCloseTo(value, 6)
  }
})

test('a gradient within the limit is not scaled', () => {
  expect(clipScale(0.9, 1)).toBe(1)
  expect(clipScale(4, undefined)).toBe(1)
  expect(clipScale(4, 1)).toBeCloseTo(0.25, 6)
})

test.each(['linear', 'cosine'] as const)('warm-up and %s decay are those of transformers', (decay) => {
  const factor = schedule({ totalSteps: 10, warmupSteps: 4, decay })
  for (const [step, expected] of fixture[decay].entries()) expect(factor(step)).toBeCloseTo(expected, 12)
})

test('a constant schedule stays at its peak after the warm-up, and no warm-up starts there', () => {
  const factor = schedule({ totalSteps: 3, warmupSteps: 0, decay: 'constant' })
  expect([0, 2, 9].map(factor)).toEqual([1, 1, 1])
})
