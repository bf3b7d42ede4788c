import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseBoundedJson } from './bounded-json.ts'

const bounds = { bytes: 10_000, values: 100, depth: 10 }
const parse = (text: string) => parseBoundedJson(Buffer.from(text), bounds)

test('within its bounds, JSON is what JSON.parse makes of it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value)
      const wide = { bytes: text.length * 4 + 8, values: text.length + 1, depth: text.length + 1 }
      expect(parseBoundedJson(Buffer.from(text), wide)).toEqual(JSON.parse(text))
    }),
  )
})

test('too many bytes, too many values, too deep: each is refused before anything is built', () => {
  expect(() => parse(`"${'x'.repeat(10_000)}"`)).toThrow(/10002 bytes/)
  expect(() => parse(`[${'1,'.repeat(200)}1]`)).toThrow(/201 values/)
  expect(() => parse(`${'['.repeat(11)}${']'.repeat(11)}`)).toThrow(/deeper than 10/)
})

test('what stands in a text is no value and no bracket', () => {
  const text = `${'['.repeat(50)},,,\\"${'{'.repeat(50)}\\\\`
  expect(parse(`["${text}"]`)).toEqual([JSON.parse(`"${text}"`)])
})

test.each(['', '{', '"abc', '\\', '[1,]', '\u0000'])('%j is no JSON', (text) => {
  expect(() => parse(text)).toThrow()
})
