import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Parsed, parsePost } from './parse-post.ts'
import { Post } from './post.ts'

const options = { source: 'the-file', nowMs: 1_700_000_000_000, hashAuthor: (name: string) => `hash of ${name}` }
const parse = (input: unknown): Parsed => parsePost(input, options)
const good = { id: 'a', text: 'hello', createdAt: 1_600_000_000_000, source: 'web' }
const reasonFor = (change: object): string | undefined => parse({ ...good, ...change }).reason

test('a row as it is documented is a post', () => {
  const row = { ...good, lang: 'en', label: 'positive', meta: { topic: 'x', score: 1.5, seen: true, note: null } }
  expect(parse(row)).toEqual({ post: row })
  expect(parse(Buffer.from(JSON.stringify(row)))).toEqual({ post: row })
})

test('rows of labelled files map: ts, domain, null times and fields of their own', () => {
  const row = { id: 'tw-1', text: 'hello', label: null, lang: null, ts: '2014-08-09T00:07:15Z', domain: 'finance' }
  expect(parse({ ...row, split: 'stream', topic: 'A,B', conf: 0.5 })).toEqual({
    post: {
      id: 'tw-1',
      text: 'hello',
      createdAt: Date.UTC(2014, 7, 9, 0, 7, 15),
      source: 'finance',
      meta: { split: 'stream', topic: 'A,B', conf: 0.5 },
    },
  })
  expect(parse({ ...row, ts: null, domain: undefined }).post).toMatchObject({
    createdAt: options.nowMs,
    source: 'the-file',
  })
})

test('a domain beside a source is kept in meta', () => {
  expect(parse({ ...good, domain: 'd' }).post).toMatchObject({ source: 'web', meta: { domain: 'd' } })
})

test('the time goes by several names and forms', () => {
  const at = Date.UTC(2020, 0, 2, 3, 4, 5)
  for (const name of ['createdAt', 'created_at', 'ts', 'timestamp']) {
    for (const value of [
      at,
      String(at),
      '2020-01-02T03:04:05Z',
      '2020-01-02T05:04:05+02:00',
      '2020-01-02T03:04:05.000Z',
    ]) {
      expect(parse({ id: 'a', text: 'b', [name]: value }).post?.createdAt).toBe(at)
    }
  }
})

test('a second time of another name is kept in meta', () => {
  expect(parse({ ...good, timestamp: 5 }).post).toMatchObject({ createdAt: good.createdAt, meta: { timestamp: 5 } })
})

test('numbers become text where text is meant', () => {
  expect(parse({ ...good, id: 17, label: 2, author: 99 }).post).toMatchObject({
    id: '17',
    label: '2',
    author: 'hash of 99',
  })
  expect(parse(Buffer.from('{"id":12345678901234567890,"text":"a"}')).reason).toMatch(/id is a number beyond 2\^53/)
})

test('empty strings in optional fields are nothing, as CSV means them', () => {
  const { post } = parse({ ...good, lang: '', label: '', author: '', ts: '', source: '', meta: null })
  expect(post).toEqual({ ...good, source: 'the-file' })
})

test('the author leaves only as a hash', () => {
  expect(JSON.stringify(parse({ ...good, author: 'jane' }))).toContain('"author":"hash of jane"')
})

test.each([
  [{ id: undefined }, 'id is missing'],
  [{ id: null }, 'id must be a string, got null'],
  [{ id: '' }, 'id is empty'],
  [{ id: 'x'.repeat(257) }, 'id must have 1 to 256 characters, got 257'],
  [{ id: ['a'] }, 'id must be a string, got a list'],
  [{ text: undefined }, 'text is missing'],
  [{ text: '' }, 'text is empty'],
  [{ text: ' \n\t' }, 'text is only white space'],
  [{ text: 7 }, 'text must be a string, got a number'],
  [{ text: { a: 1 } }, 'text must be a string, got an object'],
  [{ text: 'x'.repeat(9001) }, 'text must have 1 to 8,192 characters, got 9,001'],
  [{ text: 'a\u0000b' }, 'text contains a NUL character'],
  [{ text: 'a\ud83d' }, 'text contains half of a surrogate pair'],
  [{ createdAt: '9999-12-31T23:59:59Z' }, 'createdAt must lie between 1970 and 2105, got year 9999'],
  [{ createdAt: -1 }, 'createdAt must lie between 1970 and 2105, got year 1969'],
  [{ createdAt: 1e300 }, 'createdAt must lie between 1970 and 2105, got 1e+300 ms'],
  [{ createdAt: '2020-01-01T00:00:00' }, /createdAt must be ISO 8601 with a time zone.*got 2020-01-01T00:00:00/],
  [{ createdAt: 'yesterday' }, /createdAt must be ISO 8601.*got yesterday/],
  [{ createdAt: 1.5 }, 'createdAt must be whole milliseconds since 1970, got 1.5'],
  [{ createdAt: true }, 'createdAt must be ISO 8601 or milliseconds since 1970, got a boolean'],
  [{ source: 5 }, 'source must be a string, got a number'],
  [{ source: 'x'.repeat(65) }, 'source must have 1 to 64 characters, got 65'],
  [{ lang: {} }, 'lang must be a string, got an object'],
  [{ author: ['a', 'b'] }, 'author must be a string, got a list'],
  [{ label: true }, 'label must be a string, got a boolean'],
  [{ meta: [1] }, 'meta must be a flat object'],
  [{ meta: { a: { b: 1 } } }, 'meta.a must be a string, a number, true, false or null, got an object'],
  [{ place: { lat: 1 } }, 'meta.place must be a string, a number, true, false or null, got an object'],
  [{ tags: ['a'] }, 'meta.tags must be a string, a number, true, false or null, got a list'],
  [{ bio: 'x'.repeat(1025) }, 'meta.bio must have 0 to 1,024 characters, got 1,025'],
  [{ ['x'.repeat(65)]: 1 }, /meta.*names must have 1 to 64 characters/],
  [Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`f${n}`, n])), 'meta may hold 64 fields at most'],
  [{ topic: 'a', meta: { topic: 'b' } }, 'topic stands both beside and inside meta'],
])('%j is refused: %s', (change, reason) => {
  expect(reasonFor(change)).toMatch(reason instanceof RegExp ? reason : new RegExp(`^${literally(reason)}$`))
})

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

test.each([
  ['{"id":1,', /^is not JSON: /],
  ['', /^is not JSON: /],
  ['not json', /^is not JSON: /],
  ["{'id':1}", /^is not JSON: /],
  ['NaN', /^is not JSON: /],
  ['null', 'a row must be a JSON object, got null'],
  ['[1]', 'a row must be a JSON object, got a list'],
  ['"text"', 'a row must be a JSON object, got a string'],
  ['5', 'a row must be a JSON object, got a number'],
  ['{"id":"a","text":"b","__proto__":{"x":1}}', 'a field may not be named __proto__'],
  ['{"id":"a","text":"b","meta":{"__proto__":1}}', 'a field may not be named __proto__'],
  [Buffer.from([0x7b, 0xff, 0x7d]), 'is not UTF-8'],
  [Buffer.from('{"id":"a"\u0000}'), 'contains a NUL byte'],
  ['['.repeat(500_000), /^is not JSON|^a row must be/],
  [`{"id":"a","text":"b","x":${'{"y":'.repeat(20_000)}1${'}'.repeat(20_000)}}`, /^meta.x must be/],
])('the bytes %.40j are refused: %s', (bytes, reason) => {
  const { reason: told } = parse(Buffer.from(bytes))
  if (reason instanceof RegExp) expect(told).toMatch(reason)
  else expect(told).toBe(reason)
})

test('several faults are all told, up to three', () => {
  expect(parse({ lang: 5, label: true, author: [] }).reason).toBe(
    'id is missing; text is missing; lang must be a string, got a number; and 2 more',
  )
})

test('any value is a post that the schema takes again, or has a reason', () => {
  const field = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.double(), fc.boolean(), fc.constant(null))
  const row = fc.record(
    { id: field, text: field, createdAt: field, ts: field, source: field, lang: field, label: field, x: field },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(row, fc.jsonValue(), fc.anything()), (value) => {
      const { post, reason } = parse(value)
      if (post === undefined) expect(reason).toMatch(/\w{2}/)
      else expect(Post.parse(JSON.parse(JSON.stringify(post)))).toEqual(post)
    }),
  )
})

test('any bytes are a post, or have a reason', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(parse(bytes).reason).toMatch(/^(is not|contains|a row must|id |text )/)
    }),
  )
})
