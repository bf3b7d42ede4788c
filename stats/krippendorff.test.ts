import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { krippendorffAlpha, rawAgreement } from './krippendorff.ts'

const cases = z
  .array(z.object({ units: z.array(z.array(z.string())), alpha: z.number() }))
  .parse(JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/agreement/alpha.json'), 'utf8')))

test.each(cases.map((one, at) => [at, one] as const))(
  'case %d agrees with the package krippendorff',
  (_, { units, alpha }) => {
    expect(krippendorffAlpha(units)).toBeCloseTo(alpha, 12)
  },
)

test("Krippendorff's worked example", () => {
  expect(krippendorffAlpha(cases[0]?.units ?? [])).toBeCloseTo(0.743, 3)
})

test('nothing is said where nothing could have disagreed', () => {
  expect(krippendorffAlpha([])).toBeUndefined()
  expect(krippendorffAlpha([['a'], ['b']])).toBeUndefined()
  expect(krippendorffAlpha([['a', 'a'], ['a', 'a', 'a'], ['b']])).toBeUndefined()
  expect(rawAgreement([['a'], []])).toBeUndefined()
})

test('raw agreement counts pairs', () => {
  expect(rawAgreement([['a', 'a', 'b'], ['b', 'b'], ['c']])).toBe(2 / 4)
})

test('neither the order of units and answers nor the names of classes matter; α is at most 1', () => {
  const units = fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 }), { maxLength: 20 })
  const renamed: Record<string, string> = { a: 'c', b: 'a', c: 'b' }
  fc.assert(
    fc.property(units, (made) => {
      const alpha = krippendorffAlpha(made)
      const other = krippendorffAlpha(
        made.toReversed().map((unit) => unit.toReversed().map((name) => renamed[name] ?? '')),
      )
      if (alpha === undefined) {
        expect(other).toBeUndefined()
        return
      }
      expect(other).toBeCloseTo(alpha, 10)
      expect(alpha).toBeLessThanOrEqual(1)
      if (rawAgreement(made) === 1) expect(alpha).toBe(1)
    }),
  )
})
