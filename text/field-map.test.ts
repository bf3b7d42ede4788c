import { expect, test } from 'vitest'
import { applyFieldMap, judgeSample, parseFieldMap, type RecordFacts } from './field-map.ts'

const record = (value: unknown, facts: Partial<RecordFacts> = {}): RecordFacts => ({
  key: 'k1',
  topic: 'tweets',
  partition: 3,
  offset: 42,
  appendedAtMs: 1_700_000_000_000,
  value: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  ...facts,
})

test('nested paths, lists, dots in names, facts of the record and fields for meta are found', () => {
  const map = parseFieldMap(
    String.raw`id=data.id_str,text=parts.1.body,author=user\.name,lang=@key,meta.likes=stats.likes`,
  )
  const value = {
    data: { id_str: '7' },
    parts: [{}, { body: 'hello' }],
    'user.name': 'ann',
    stats: { likes: 3 },
    other: 1,
  }
  expect(applyFieldMap(map, record(value))).toEqual({
    row: { id: '7', text: 'hello', author: 'ann', lang: 'k1', createdAt: 1_700_000_000_000, meta: { likes: 3 } },
  })
})

test('without an id it is the place of the record, and the time is its own', () => {
  expect(applyFieldMap(parseFieldMap('text=@value'), record('plain words'))).toEqual({
    row: { id: 'tweets/3/42', text: 'plain words', createdAt: 1_700_000_000_000 },
  })
})

test.each([
  ['at:s', 1_700_000_000, 1_700_000_000_000],
  ['at:s', '1700000000.5', 1_700_000_000_500],
  ['at:us', 1_700_000_000_000_000, 1_700_000_000_000],
  ['at:ms', 1_700_000_000_001, 1_700_000_000_001],
  ['at', '2023-11-14T22:13:20Z', 1_700_000_000_000],
  ['at', 'Tue Nov 14 22:13:20 +0000 2023', 1_700_000_000_000],
  ['at', 'not a time', 'not a time'],
])('time %s of %j', (path, at, expected) => {
  const mapped = applyFieldMap(parseFieldMap(`text=t,createdAt=${path}`), record({ t: 'a', at }))
  expect(mapped).toMatchObject({ row: { createdAt: expected } })
})

test.each([
  ['id=a', /text is not mapped/],
  ['text=a,text=b', /text is mapped twice/],
  ['text', /is not <field>=<path>/],
  ['text=a,likes=b', /is not <field>=<path>/],
  ['text=@body', /@body is none of/],
])('%s is refused', (spec, message) => {
  expect(() => parseFieldMap(spec)).toThrow(message)
})

test('what is no JSON, or nothing at all, says so', () => {
  const map = parseFieldMap('text=a')
  expect(applyFieldMap(map, record('{'))).toMatchObject({ reason: expect.stringMatching(/is not JSON/) })
  expect(applyFieldMap(map, record(''))).toEqual({ reason: 'has no value' })
  expect(applyFieldMap(map, record('', { value: Buffer.from([0xff]) }))).toMatchObject({ reason: expect.any(String) })
})

test('a sample shows what is found, what is not, and what nothing reads', () => {
  const map = parseFieldMap('text=body,lang=language')
  const sample = [record({ body: 'a', x: 1 }), record({ body: 'b', x: 1, y: 2 }), record({ y: 1 }), record('{')]
  const report = judgeSample(map, sample, (row) => (row.text === undefined ? 'text is missing' : undefined))
  expect(report).toMatchObject({
    records: 4,
    posts: 2,
    rules: [
      { rule: 'text=body', found: 2 },
      { rule: 'lang=language', found: 0 },
    ],
    unused: ['x', 'y'],
    reasons: [{ reason: 'text is missing', count: 1 }, { count: 1 }],
  })
})
