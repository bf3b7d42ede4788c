import { seededRandom } from '../../core/random.ts'

const fragments = [
  '\n\n',
  '\r\n\r\n',
  '\n',
  '\t',
  "'",
  '"',
  '`',
  '\\',
  "\\'",
  "''",
  ';',
  '--',
  '/*',
  '*/',
  '#!',
  '$$',
  '$x$',
  '(',
  ')',
  ',',
  '{',
  '}',
  'CREATE TABLE evil (a Int8) ENGINE = Memory',
  'DROP TABLE h0',
  'INSERT INTO h0 VALUES',
  'FORMAT CSV',
  'FORMAT JSONEachRow',
  'SELECT * FROM file("/etc/passwd")',
  "INTO OUTFILE 'x'",
  'SETTINGS',
  '\\N',
  'NULL',
  '{v:String}',
  '‘',
  '’',
  '“',
  '🙂',
  'ä',
  '\u0000',
  '\u00a0',
  '\u2028',
  '\\x00',
  '\\n',
  '__exception__',
  '%00',
  '%27',
  '+',
  '&query=DROP TABLE h0',
  '1e999',
  '[]',
  'system.tables',
] as const

/** 500 values: each fragment by itself, then the classic attacks in full, then random chains of fragments. */
export const hostileValues: readonly string[] = (() => {
  const random = seededRandom(7)
  const pick = () => fragments[Math.floor(random() * fragments.length)] ?? ''
  const attacks = [
    'x\n\nCREATE TABLE evil (a Int8) ENGINE = Memory',
    "x');\n\nCREATE TABLE evil (a Int8) ENGINE = Memory; --",
    '"\n\nCREATE TABLE evil (a Int8) ENGINE = Memory;\n\n"',
    "', 1); DROP TABLE h0; --",
  ]
  const chains = Array.from({ length: 500 - fragments.length - attacks.length }, () =>
    Array.from({ length: 1 + Math.floor(random() * 8) }, pick).join(''),
  )
  return [...fragments, ...attacks, ...chains]
})()
