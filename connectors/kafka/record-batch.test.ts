import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reader, Writer } from './codec.ts'
import { canWrite, compressions } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { decodeBatches, encodeBatch, markHeader } from './record-batch.ts'

const bytes = fc.uint8Array({ maxLength: 300 })
const records = fc.array(
  fc.record({
    key: fc.option(fc.string({ maxLength: 20 })),
    value: fc.option(bytes),
    mark: fc.option(fc.uint8Array({ minLength: 14, maxLength: 14 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 30 },
)
const batchOf = { producer: 7n, epoch: 0, sequence: 5, nowMs: 1_700_000_000_000, compression: 'none' } as const
const none = { partition: 3, from: 0, aborted: [], withHeaders: true }

test.each(compressions.filter(canWrite))(
  'what is written in %s is read back: keys, empty values, marks, times',
  (compression) => {
    void fc.assert(
      fc.property(records, (made) => {
        const encoded = made.map(({ key, ...rest }) => ({ key: key === null ? null : Buffer.from(key), ...rest }))
        const batch = encodeBatch({ ...batchOf, compression, records: encoded })
        const decoded = decodeBatches(batch, none)
        expect(decoded.next).toBe(made.length)
        expect(
          decoded.records.map(({ key, value, headers, offset, appendedAtMs, partition }) => {
            const mark = headers?.get(markHeader)
            return [partition, offset, appendedAtMs, key, [...value], mark && [...mark]]
          }),
        ).toEqual(
          made.map(({ key, value, mark }, offset) => [
            3,
            offset,
            1_700_000_000_000,
            key,
            [...(value ?? [])],
            mark && [...mark],
          ]),
        )
      }),
      { numRuns: 50 },
    )
  },
)

test('a batch that is cut off is left for the next fetch; records before the position asked for are left out', () => {
  const texts = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => ({ key: null, value: Buffer.from(`${from + n}`), mark: undefined }))
  const first = encodeBatch({ ...batchOf, records: texts(0, 5) })
  const second = encodeBatch({ ...batchOf, records: texts(5, 8) })
  second.writeBigInt64BE(5n, 0) // brokers set the offset of a batch
  const both = Buffer.concat([first, second])
  const read = (at: Buffer, from: number) => {
    const { records, next } = decodeBatches(at, { ...none, from })
    return { values: records.map(({ value }) => value.toString()), next }
  }
  expect(read(both, 0)).toEqual({ values: ['0', '1', '2', '3', '4', '5', '6', '7'], next: 8 })
  expect(read(both, 3)).toEqual({ values: ['3', '4', '5', '6', '7'], next: 8 })
  expect(read(both.subarray(0, both.length - 1), 3)).toEqual({ values: ['3', '4'], next: 5 })
  expect(read(both.subarray(0, 10), 0)).toEqual({ values: [], next: 0 })
})

test('CRC-32C gives the check value of its specification, at every length', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa) // RFC 3720, B.4
  expect(crc32c(Buffer.alloc(0))).toBe(0)
})

test('numbers of every size come back, also when the buffer grows in the middle', () => {
  void fc.assert(
    fc.property(fc.array(fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), { maxLength: 50 }), (numbers) => {
      const to = new Writer(3)
      for (const number of numbers) to.i64(number).signed(number).i32(7)
      const from = new Reader(to.done())
      expect(numbers.map(() => [from.i64(), from.signed(), from.i32()])).toEqual(
        numbers.map((number) => [number, number, 7]),
      )
      expect(from.left).toBe(0)
    }),
  )
})
