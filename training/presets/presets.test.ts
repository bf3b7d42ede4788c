import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { encodeModel } from '../onnx/write.ts'
import { bag } from './bag.ts'
import { convolution } from './convolution.ts'
import { presets } from './presets.ts'
import { transformer } from './transformer.ts'

const small = {
  bag: () => bag({ vocabulary: 50, classes: 3, width: 8, buckets: 64, pairWidth: 4, hidden: 8 }, seededRandom(1)),
  convolution: () => convolution({ vocabulary: 50, classes: 3, width: 8, filters: 6, hidden: 8 }, seededRandom(1)),
  transformer: () =>
    transformer(
      { vocabulary: 50, classes: 3, layers: 2, width: 8, heads: 2, feedForward: 16, positions: 16 },
      seededRandom(1),
    ),
}

async function logits(build: () => ReturnType<typeof bag>, rows: readonly (readonly number[])[], tokens: number) {
  const session = await InferenceSession.create(encodeModel(build()))
  const dims = [rows.length, tokens]
  const cell = (value: (row: readonly number[], at: number) => number) =>
    BigInt64Array.from(rows.flatMap((row) => Array.from({ length: tokens }, (_, at) => BigInt(value(row, at)))))
  const output = await session.run({
    input_ids: new Tensor(
      'int64',
      cell((row, at) => row[at] ?? 0),
      dims,
    ),
    attention_mask: new Tensor(
      'int64',
      cell((row, at) => (at < row.length ? 1 : 0)),
      dims,
    ),
  })
  await session.release()
  expect(output.logits?.dims).toEqual([rows.length, 3])
  return [...((output.logits?.data as Float32Array | undefined) ?? [])]
}

test.each(Object.entries(small))(
  '%s: padding changes nothing, and neither does the company of other rows',
  async (_, build) => {
    const alone = await logits(build, [[2, 7, 9, 3]], 4)
    const padded = await logits(
      build,
      [
        [2, 7, 9, 3],
        [2, 11, 12, 13, 14, 15, 3],
      ],
      12,
    )
    padded.slice(0, 3).forEach((value, index) => {
      expect(value).toBeCloseTo(alone[index] ?? Number.NaN, 5)
    })
    expect(alone.every(Number.isFinite)).toBe(true)
  },
)

test.each(Object.entries(small))('%s: sees the order of the words', async (_, build) => {
  const forth = await logits(build, [[2, 7, 9, 11, 3]], 5)
  const back = await logits(build, [[2, 11, 9, 7, 3]], 5)
  expect(Math.max(...forth.map((value, index) => Math.abs(value - (back[index] ?? 0))))).toBeGreaterThan(1e-4)
})

test.each(Object.entries(small))('%s: a row of padding alone gives numbers', async (_, build) => {
  expect((await logits(build, [[]], 3)).every(Number.isFinite)).toBe(true)
})

test('every preset builds in its own size within 16 MB', () => {
  for (const [name, preset] of Object.entries(presets)) {
    const bytes = encodeModel(preset.build(preset.vocabulary, 3, seededRandom(1))).byteLength
    expect(bytes, name).toBeLessThan(16_000_000)
  }
})
