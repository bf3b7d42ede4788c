import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../../core/package-root.ts'
import { lossOf, lossTargets, lossTotals } from './loss.ts'
import type { LossOptions } from './trainer.ts'

const numbers = z.array(z.number())
const cases = z
  .array(
    z.object({
      logits: numbers,
      teacher: numbers,
      labels: numbers,
      classWeights: numbers.nullable(),
      labelSmoothing: z.number(),
      distilled: z.boolean(),
      loss: z.number(),
      gradient: numbers,
    }),
  )
  .parse(JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/training-parity/loss.json'), 'utf8')))

test.each(cases.map((each) => [each.classWeights !== null, each.labelSmoothing, each.distilled, each] as const))(
  'is that of PyTorch: class weights %s, smoothing %d, teacher %s',
  (_, __, ___, { logits, teacher, labels, classWeights, labelSmoothing, distilled, loss, gradient }) => {
    const options: LossOptions = {
      labelSmoothing,
      ...(classWeights === null ? {} : { classWeights }),
      ...(distilled ? { distillation: { weight: 0.3, temperature: 2 } } : {}),
    }
    const rows = { labels: Int32Array.from(labels), teacher: Float32Array.from(teacher) }
    const targets = lossTargets(rows, 3, options, lossTotals(rows, options))
    const ours = lossOf(Float32Array.from(logits), targets)
    expect(ours.loss).toBeCloseTo(loss, 5)
    for (const [index, value] of gradient.entries()) expect(ours.gradient[index]).toBeCloseTo(value, 6)
  },
)

test('the parts of a batch add up to the whole', () => {
  const options: LossOptions = { classWeights: [1, 3], labelSmoothing: 0.2 }
  const labels = Int32Array.of(0, 1, 1)
  const weights = Float32Array.of(0.5, 2, 1)
  const logits = Float32Array.of(0.3, -1, 2, 0.1, -0.4, 0.9)
  const totals = lossTotals({ labels, weights }, options)
  const part = (from: number, to: number) => {
    const rows = { labels: labels.slice(from, to), weights: weights.slice(from, to) }
    return lossOf(logits.slice(from * 2, to * 2), lossTargets(rows, 2, options, totals)).loss
  }
  expect(part(0, 1) + part(1, 3)).toBeCloseTo(part(0, 3), 12)
})

test('logits of ±1000 give a finite loss', () => {
  const rows = { labels: Int32Array.of(1) }
  const { loss, gradient } = lossOf(Float32Array.of(1000, -1000), lossTargets(rows, 2, {}, lossTotals(rows, {})))
  expect(loss).toBe(2000)
  expect([...gradient]).toEqual([1, -1])
})

test('a row without a teacher may hold anything for it', () => {
  const options: LossOptions = { distillation: { weight: 1, temperature: 1 } }
  const rows = {
    labels: Int32Array.of(0, 1),
    teacher: Float32Array.of(Number.NaN, Number.NaN, 1, 2),
    teacherWeights: Float32Array.of(0, 1),
  }
  const targets = lossTargets(rows, 2, options, lossTotals(rows, options))
  const logits = Float32Array.of(0.5, 0.2, 1, 2)
  const labelsOnly = lossOf(logits, lossTargets({ labels: rows.labels }, 2, {}, lossTotals(rows, {})))
  expect(lossOf(logits, targets).loss).toBeCloseTo(labelsOnly.loss, 6) // the student equals its teacher
})
