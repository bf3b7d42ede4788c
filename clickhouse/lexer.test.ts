import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoteString, statements, tokens } from './lexer.ts'

const texts = (sql: string) => [...tokens(Buffer.from(sql).toString('latin1'))].map(({ text }) => text)

test('comments of every kind and white space are left out', () => {
  expect(texts('a -- b\n c // d\n e # f\n g #! h\n i /* j /* k */ l */ m')).toEqual(['a', 'c', 'e', 'g', 'i', 'm'])
})

test('what lies in quotes, heredocs and typographic quotes is one token', () => {
  expect(texts("'a; \\' ''FORMAT'b")).toEqual(["'a; \\' ''FORMAT'", 'b'])
  expect(texts('"a ""b"" `" `c\\`;`')).toEqual(['"a ""b"" `"', '`c\\`;`'])
  expect(texts('$x$ a; $$ b $x$;')).toEqual(['$x$ a; $$ b $x$', ';'])
  expect(texts('‘a;’ b').length).toBe(2)
})

test('brackets carry the depth they stand at', () => {
  const depths = [...tokens('a(b[c])d')].map(({ text, depth }) => `${text}${depth}`)
  expect(depths).toEqual(['a0', '(0', 'b1', '[1', 'c2', ']1', ')0', 'd0'])
})

test('a script splits at semicolons outside quotes and comments', () => {
  const script = "-- first; of all\nSELECT ';' AS `a;b`; /* ; */ ;\nSELECT 'ä' -- last"
  expect(statements(script)).toEqual(["SELECT ';' AS `a;b`", "SELECT 'ä'"])
})

test('any string quoted is one token, whatever follows', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const quoted = Buffer.from(quoteString(value)).toString('latin1')
      expect([...tokens(`${quoted};x`)].map(({ text }) => text)).toEqual([quoted, ';', 'x'])
    }),
  )
})

test('tokens never overlap and keep their text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const bytes = Buffer.from(value).toString('latin1')
      let end = 0
      for (const token of tokens(bytes)) {
        expect(token.start).toBeGreaterThanOrEqual(end)
        expect(bytes.slice(token.start, token.end)).toBe(token.text)
        end = token.end
      }
    }),
  )
})
