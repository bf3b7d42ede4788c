/** Kinds of rows that are no posts, each with what a person is told about it. */
export interface BadRow {
  readonly kind: string
  readonly bytes: Buffer
  readonly reason: RegExp
}

const good = { id: 'would-be', text: 'a fine text', createdAt: '2024-05-01T12:00:00Z', source: 'bad-input' }
const without = (...names: (keyof typeof good)[]) =>
  Object.fromEntries(Object.entries(good).filter(([name]) => !(names as string[]).includes(name)))

const row = (kind: string, value: string | Uint8Array | object, reason: RegExp): BadRow => ({
  kind,
  bytes:
    typeof value === 'string' || value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(JSON.stringify(value)),
  reason,
})
const spliced = (insert: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from('{"id":"would-be","text":"before '), insert, Buffer.from(' after"}')])
const nested = (depth: number, open: string, close: string): string =>
  `{"id":"would-be","text":"a","x":${open.repeat(depth)}1${close.repeat(depth)}}`

/** Rows for a JSON Lines file: none contains a line break, and each is bad by itself. */
export const badJsonRows: readonly BadRow[] = [
  row('not JSON', 'this is not JSON', /^is not JSON/),
  row('JSON cut off', '{"id":"would-be","text":"a fine te', /^is not JSON/),
  row('closing brace missing', '{"id":"would-be","text":"a fine text"', /^is not JSON/),
  row('comma at the end', '{"id":"would-be","text":"a",}', /^is not JSON/),
  row('single quotes', "{'id':'would-be','text':'a'}", /^is not JSON/),
  row('names without quotes', '{id:"would-be",text:"a"}', /^is not JSON/),
  row('two objects on a line', '{"id":"would-be","text":"a"}{"id":"b","text":"b"}', /^is not JSON/),
  row('a comment', '// {"id":"would-be","text":"a"}', /^is not JSON/),
  row('NaN', '{"id":"would-be","text":"a","score":NaN}', /^is not JSON/),
  row('undefined', '{"id":"would-be","text":undefined}', /^is not JSON/),
  row('a leading zero', '{"id":01,"text":"a"}', /^is not JSON/),
  row('an unknown escape', '{"id":"would-be","text":"\\x41"}', /^is not JSON/),
  row('half a unicode escape', '{"id":"would-be","text":"\\u12"}', /^is not JSON/),
  row('a raw tab in a string', '{"id":"would-be","text":"a\tb"}', /^is not JSON/),
  row('a raw escape character', spliced(Uint8Array.of(0x1b)), /^is not JSON/),
  row('an XML document', '<post id="would-be">a</post>', /^is not JSON/),
  row('a line of CSV', 'would-be,a fine text,2024-05-01', /^is not JSON/),
  row('SQL', "'); DROP TABLE scores; --", /^is not JSON/),
  row('a NUL byte', spliced(Uint8Array.of(0)), /^contains a NUL byte/),
  row('only NUL bytes', new Uint8Array(100), /^contains a NUL byte/),
  row('a byte that is no UTF-8', spliced(Uint8Array.of(0xff)), /^is not UTF-8/),
  row('Latin-1', Buffer.from('{"id":"would-be","text":"café"}', 'latin1'), /^is not UTF-8/),
  row('half an emoji in UTF-8', spliced(Uint8Array.of(0xf0, 0x9f, 0x98)), /^is not UTF-8/),
  row('a surrogate in UTF-8', spliced(Uint8Array.of(0xed, 0xa0, 0x80)), /^is not UTF-8/),
  row('an overlong encoding', spliced(Uint8Array.of(0xc0, 0xaf)), /^is not UTF-8/),
  row('beyond the last code point', spliced(Uint8Array.of(0xf4, 0x90, 0x80, 0x80)), /^is not UTF-8/),
  row('a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x1a, 0, 0xff), /^is not UTF-8/),
  row('null', 'null', /^a row must be a JSON object, got null/),
  row('a list', '[{"id":"would-be","text":"a"}]', /^a row must be a JSON object, got a list/),
  row('a string', '"a fine text"', /^a row must be a JSON object, got a string/),
  row('a number', '42', /^a row must be a JSON object, got a number/),
  row('true', 'true', /^a row must be a JSON object, got a boolean/),
  row('an empty object', '{}', /^id is missing; text is missing/),
  row('no id', without('id'), /^id is missing/),
  row('id is null', { ...good, id: null }, /^id must be a string, got null/),
  row('an empty id', { ...good, id: '' }, /^id is empty/),
  row('an id of 300 characters', { ...good, id: 'x'.repeat(300) }, /^id must have 1 to 256 characters, got 300/),
  row('id is a list', { ...good, id: ['a'] }, /^id must be a string, got a list/),
  row('id is an object', { ...good, id: { $oid: 'a' } }, /^id must be a string, got an object/),
  row('an id that lost digits', '{"id":123456789012345678901,"text":"a"}', /^id is a number beyond 2\^53/),
  row('a NUL in the id', { ...good, id: 'a\u0000b' }, /^id contains a NUL character/),
  row('no text', without('text'), /^text is missing/),
  row('text is null', { ...good, text: null }, /^text must be a string, got null/),
  row('an empty text', { ...good, text: '' }, /^text is empty/),
  row('a text of white space', { ...good, text: ' \n\t\u00a0 ' }, /^text is only white space/),
  row('text is a number', { ...good, text: 5 }, /^text must be a string, got a number/),
  row('text is a list', { ...good, text: ['a', 'b'] }, /^text must be a string, got a list/),
  row('text is an object', { ...good, text: { en: 'a' } }, /^text must be a string, got an object/),
  row('a text of 9,000 characters', { ...good, text: 'x'.repeat(9000) }, /^text must have 1 to 8,192 characters/),
  row('an escaped NUL in the text', '{"id":"would-be","text":"a\\u0000b"}', /^text contains a NUL character/),
  row('a high surrogate alone', '{"id":"would-be","text":"a\\ud83d"}', /^text contains half of a surrogate pair/),
  row('a low surrogate alone', '{"id":"would-be","text":"\\ude00b"}', /^text contains half of a surrogate pair/),
  row('surrogates swapped', '{"id":"would-be","text":"\\ude00\\ud83d"}', /^text contains half of a surrogate pair/),
  row('year 9999', { ...good, createdAt: '9999-12-31T23:59:59Z' }, /^createdAt must lie between.*got year 9999/),
  row('year 1066', { ...good, createdAt: '1066-10-14T09:00:00Z' }, /^createdAt must lie between.*got year 1066/),
  row('microseconds', { ...good, createdAt: 1_700_000_000_000_000 }, /^createdAt must lie between.*got year 5\d{4}/),
  row('a negative time', { ...good, createdAt: -5 }, /^createdAt must lie between.*got year 1969/),
  row('a time of 1e300', { ...good, createdAt: 1e300 }, /^createdAt must lie between/),
  row('half a millisecond', { ...good, createdAt: 0.5 }, /^createdAt must be whole milliseconds/),
  row(
    'a time without a zone',
    { ...good, createdAt: '2024-05-01T12:00:00' },
    /^createdAt must be ISO 8601 with a time/,
  ),
  row('the 30th of February', { ...good, createdAt: '2024-02-30T12:00:00Z' }, /^createdAt must be ISO 8601/),
  row('25 o’clock', { ...good, createdAt: '2024-05-01T25:00:00Z' }, /^createdAt must be ISO 8601/),
  row('a time in words', { ...good, createdAt: 'yesterday' }, /^createdAt must be ISO 8601.*got yesterday/),
  row('time is an object', { ...good, createdAt: { $date: 5 } }, /^createdAt must be ISO 8601.*got an object/),
  row('source is a number', { ...good, source: 7 }, /^source must be a string, got a number/),
  row('a source of 65 characters', { ...good, source: 'x'.repeat(65) }, /^source must have 1 to 64 characters/),
  row('lang is a list', { ...good, lang: ['en'] }, /^lang must be a string, got a list/),
  row('label is an object', { ...good, label: { id: 1 } }, /^label must be a string, got an object/),
  row('author is an object', { ...good, author: { name: 'a' } }, /^author must be a string, got an object/),
  row('meta is a list', { ...good, meta: [1] }, /^meta must be a flat object/),
  row('meta is not flat', { ...good, meta: { a: { b: 1 } } }, /^meta.a must be a string, a number/),
  row('a field that is a list', { ...good, tags: ['a'] }, /^meta.tags must be a string, a number/),
  row('a field of 2,000 characters', { ...good, bio: 'x'.repeat(2000) }, /^meta.bio must have 0 to 1,024 characters/),
  row(
    '100 fields',
    { ...good, ...Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, n])) },
    /^meta may/,
  ),
  row('a field named __proto__', '{"id":"would-be","text":"a","__proto__":{"x":1}}', /__proto__/),
  row('20,000 objects inside each other', nested(20_000, '{"y":', '}'), /^meta.x must be a string, a number/),
  row('100,000 lists inside each other', nested(100_000, '[', ']'), /^(meta.x must be|is not JSON)/),
  row('100,000 lists that never close', '['.repeat(100_000), /^is not JSON/),
  row('a line of 5 MB', Buffer.alloc(5_000_000, 'x'), /^the line is too long: 5000000 bytes/),
  row('a post of 2 MB', { ...good, text: 'x'.repeat(2_000_000) }, /^the line is too long: 2\d{6} bytes/),
  row('5 MB of NUL bytes', new Uint8Array(5_000_000), /^the line is too long: 5000000 bytes/),
]

/** Rows for a CSV file whose header is `id,text,createdAt`. Each costs its own line only. */
export const badCsvRows: readonly BadRow[] = [
  row('a quote that never closes', 'would-be,"never closed,', /^a quoted field begins here and never ends/),
  row('text after a closing quote', 'would-be,"a" b,', /^a quoted field goes on after its closing quote/),
  row('a quote inside a field', 'would-be,5" pipe,', /^a quote stands inside a field/),
  row('too few columns', 'would-be', /^wrong number of columns: 1, the header has 3/),
  row('too many columns', 'would-be,a,,d,e', /^wrong number of columns: 5, the header has 3/),
  row(
    'CSV that is no UTF-8',
    Buffer.concat([Buffer.from('would-be,'), Buffer.of(0xff), Buffer.from(',')]),
    /^is not UTF-8/,
  ),
  row('a NUL in CSV', 'would-be,a\u0000b,', /^text contains a NUL character/),
  row('an empty text in CSV', 'would-be,,', /^text is empty/),
  row('an empty id in CSV', ',a fine text,', /^id is empty/),
  row('year 9999 in CSV', 'would-be,a,9999-01-01T00:00:00Z', /^createdAt must lie between.*got year 9999/),
  row('a line of 5 MB in CSV', `would-be,${'x'.repeat(5_000_000)},`, /^the line is too long: 50000\d\d bytes/),
]
