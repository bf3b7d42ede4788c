import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { seededRandom } from '../../../core/random.ts'
import * as tf from '../../tf.ts'
import { selectBackend } from '../select.ts'
import { wasmKernels } from './kernels.ts'

beforeAll(async () => {
  expect(await selectBackend('wasm')).toBe('wasm')
})

const random = seededRandom(7)
const values = (count: number): Float32Array => Float32Array.from({ length: count }, () => random() * 4 - 2)
const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)

/** Runs on wasm, with our kernels, and again on the cpu backend of tfjs, and compares. */
async function agree(compute: () => tf.Tensor, tolerance = 1e-5): Promise<void> {
  const ours = tf.tidy(() => compute().dataSync<'float32'>().slice())
  await selectBackend('cpu')
  const theirs = tf.tidy(() => compute().dataSync<'float32'>().slice())
  await selectBackend('wasm')
  expect(ours.length).toBe(theirs.length)
  for (const [index, value] of theirs.entries()) {
    expect(Math.abs((ours[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)))
  }
}

const dim = fc.integer({ min: 1, max: 21 })

describe('BatchMatMul', () => {
  test('any sizes, batches and transposes', async () => {
    const cases = fc.asyncProperty(
      fc.record({ batch: fc.integer({ min: 1, max: 3 }), m: dim, k: dim, n: dim, ta: fc.boolean(), tb: fc.boolean() }),
      async ({ batch, m, k, n, ta, tb }) => {
        const a = values(batch * m * k)
        const b = values(batch * k * n)
        const shapeA: [number, number, number] = ta ? [batch, k, m] : [batch, m, k]
        const shapeB: [number, number, number] = tb ? [batch, n, k] : [batch, k, n]
        await agree(() => tf.matMul(tf.tensor3d(a, shapeA), tf.tensor3d(b, shapeB), ta, tb))
      },
    )
    await fc.assert(cases, { numRuns: 60 })
  })

  test('a depth of more than one slice is added up', async () => {
    const [a, b] = [values(9 * 1100), values(1100 * 10)]
    await agree(() => tf.matMul(tf.tensor2d(a, [9, 1100]), tf.tensor2d(b, [1100, 10])), 2e-4)
  })

  test('one matrix serves a whole batch, on either side', async () => {
    const [many, one] = [values(3 * 5 * 6), values(6 * 5)]
    await agree(() => tf.matMul(tf.tensor3d(many, [3, 5, 6]), tf.tensor3d(one, [1, 6, 5])))
    await agree(() => tf.matMul(tf.tensor3d(one, [1, 6, 5]), tf.tensor3d(many, [3, 5, 6])))
  })

  test('batches that differ in both operands are broadcast against each other', () => {
    const [a, b] = [values(2 * 1 * 2 * 3), values(1 * 3 * 3 * 2)]
    const ours = tf.matMul(tf.tensor4d(a, [2, 1, 2, 3]), tf.tensor4d(b, [1, 3, 3, 2]))
    expect(ours.shape).toEqual([2, 3, 2, 2])
    const result = ours.dataSync<'float32'>()
    for (let index = 0; index < result.length; index++) {
      const [i, j, row, column] = [index / 12, (index / 4) % 3, (index / 2) % 2, index % 2].map(Math.floor) as [
        ...[number, number, number, number],
      ]
      let sum = 0
      for (let k = 0; k < 3; k++) sum += (a[i * 6 + row * 3 + k] ?? 0) * (b[j * 6 + k * 2 + column] ?? 0)
      expect(result[index]).toBeCloseTo(sum, 5)
    }
  })

  test('an empty depth gives zeros', () => {
    const product = tf.matMul(tf.tensor2d(new Float32Array(0), [3, 0]), tf.tensor2d(new Float32Array(0), [0, 2]))
    expect([...product.dataSync()]).toEqual([0, 0, 0, 0, 0, 0])
  })
})

test('Transpose moves any axes', async () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
  const cases = fc.asyncProperty(
    shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length })),
    ),
    async ([shape, order]) => {
      const data = values(size(shape))
      await agree(() => tf.transpose(tf.tensor(data, shape), order), 0)
    },
  )
  await fc.assert(cases, { numRuns: 80 })
})

test('Sum and Mean over any axes', async () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
  const cases = fc.asyncProperty(
    shapes.chain((shape) =>
      fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()], { minLength: 1 }), fc.boolean()),
    ),
    async ([shape, axes, keep]) => {
      const data = values(size(shape))
      await agree(() => tf.sum(tf.tensor(data, shape), axes, keep))
      await agree(() => tf.mean(tf.tensor(data, shape), axes, keep))
    },
  )
  await fc.assert(cases, { numRuns: 60 })
})

describe('elementwise', () => {
  const range = Float32Array.from({ length: 4003 }, (_, index) => (index - 2001) / 200) // −10 to 10
  const worst = (ours: Float32Array, exact: (x: number) => number): number =>
    range.reduce((most, x, index) => {
      const expected = exact(x)
      return Math.max(most, Math.abs((ours[index] ?? Number.NaN) - expected) / Math.max(Math.abs(expected), 1e-30))
    }, 0)

  test('Exp and Tanh are within 4e-7 of the truth, relatively', () => {
    expect(worst(tf.exp(tf.tensor1d(range)).dataSync<'float32'>(), Math.exp)).toBeLessThan(4e-7)
    expect(worst(tf.tanh(tf.tensor1d(range)).dataSync<'float32'>(), Math.tanh)).toBeLessThan(4e-7)
  })

  test('Erf is within 4e-7 of the truth, relatively', () => {
    expect(worst(tf.erf(tf.tensor1d(range)).dataSync<'float32'>(), erfOf)).toBeLessThan(4e-7)
  })

  test('extremes: overflow, underflow, zero and NaN', () => {
    const edge = tf.tensor1d([-1000, -90, 0, 88, 1000, Number.NaN])
    const exp = tf.exp(edge).dataSync<'float32'>()
    expect(exp[0]).toBeLessThan(1e-37)
    expect(exp[2]).toBe(1)
    expect((exp[3] ?? 0) / Math.exp(88)).toBeCloseTo(1, 5)
    expect(exp[4]).toBeGreaterThan(1e38)
    expect(exp[5]).toBeNaN()
    expect([...tf.tanh(edge).dataSync<'float32'>()].map((value) => Math.fround(value))).toEqual([
      -1,
      -1,
      0,
      1,
      1,
      Number.NaN,
    ])
    expect(tf.erf(edge).dataSync<'float32'>()[5]).toBeNaN()
  })
})

test('the gradient of a look-up adds up the rows that were used, and skips ids that are no row', async () => {
  const x = values(7 * 5)
  const ids = Int32Array.of(2, 0, 2, 3, 3, 3, 0)
  await agree(() => tf.unsortedSegmentSum(tf.tensor2d(x, [7, 5]), tf.tensor1d(ids, 'int32'), 4))
})

test('every kernel of the table is registered', () => {
  for (const { name } of wasmKernels) expect(tf.getKernel(name, 'wasm')).toBeDefined()
})

/** erf by its series or, from 3 on, its continued fraction, in double precision. */
function erfOf(x: number): number {
  const t = Math.abs(x)
  if (t < 3) {
    let [term, sum] = [t, t]
    for (let n = 1; n < 80; n++) {
      term *= (-t * t) / n
      sum += term / (2 * n + 1)
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI)
  }
  let fraction = t
  for (let k = 60; k >= 1; k--) fraction = t + k / 2 / fraction
  return Math.sign(x) * (1 - Math.exp(-t * t) / (fraction * Math.sqrt(Math.PI)))
}
