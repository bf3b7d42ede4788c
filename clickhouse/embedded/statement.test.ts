import { expect, test } from 'vitest'
import { parseStatement } from './statement.ts'

const kindOf = (sql: string) => parseStatement(Buffer.from(sql).toString('latin1'))
const one = (sql: string) => sql.replace(/\s+/g, ' ').trim()

test.each([
  ['INSERT INTO t FORMAT CSV\n1', 'CSV', '1', "INSERT INTO t FROM INFILE 'f' COMPRESSION 'none' FORMAT CSV"],
  [
    'insert into t values (1);\n\nDROP',
    'Values',
    ' (1);\n\nDROP',
    "insert into t FROM INFILE 'f' COMPRESSION 'none' FORMAT Values",
  ],
  [
    'INSERT INTO d.values (`format`) FORMAT TSV a',
    'TSV',
    'a',
    "INSERT INTO d.values (`format`) FROM INFILE 'f' COMPRESSION 'none' FORMAT TSV",
  ],
  [
    'INSERT INTO TABLE t (a, b) SETTINGS x = 1 VALUES (1)',
    'Values',
    ' (1)',
    "INSERT INTO TABLE t (a, b) FROM INFILE 'f' COMPRESSION 'none' SETTINGS x = 1 FORMAT Values",
  ],
  [
    "INSERT INTO FUNCTION null('a Int8') VALUES (1)",
    'Values',
    ' (1)',
    "INSERT INTO FUNCTION null('a Int8') FROM INFILE 'f' COMPRESSION 'none' FORMAT Values",
  ],
  [
    'INSERT INTO t /* FORMAT X */ FORMAT JSONEachRow\r\n{}',
    'JSONEachRow',
    '{}',
    "INSERT INTO t /* FORMAT X */ FROM INFILE 'f' COMPRESSION 'none' FORMAT JSONEachRow",
  ],
  [
    "INSERT INTO t SELECT a FROM input('a Int8') WHERE format = 1 FORMAT CSV\n5",
    'CSV',
    '5',
    "INSERT INTO t SELECT a FROM file('f', 'CSV', 'a Int8', 'none') WHERE format = 1",
  ],
])('%j: the data begins where it begins', (sql, format, data, run) => {
  const statement = kindOf(sql)
  if (statement.kind !== 'insert') throw new Error(statement.kind)
  expect([statement.format, sql.slice(statement.dataFrom), one(statement.reading('f'))]).toEqual([format, data, run])
})

test.each([
  ['SELECT 1', undefined, "SELECT 1 INTO OUTFILE 'f' TRUNCATE FORMAT X"],
  ['SELECT 1 FORMAT CSV', 'CSV', "SELECT 1 INTO OUTFILE 'f' TRUNCATE FORMAT X"],
  ['SELECT 1 FORMAT CSV SETTINGS a = 1;', 'CSV', "SELECT 1 INTO OUTFILE 'f' TRUNCATE FORMAT X SETTINGS a = 1"],
  ['SELECT format FROM t', undefined, "SELECT format FROM t INTO OUTFILE 'f' TRUNCATE FORMAT X"],
  ['SELECT a, format b FROM t', undefined, "SELECT a, format b FROM t INTO OUTFILE 'f' TRUNCATE FORMAT X"],
  [
    "WITH x AS (SELECT 'a FORMAT b') SELECT * FROM x",
    undefined,
    "WITH x AS (SELECT 'a FORMAT b') SELECT * FROM x INTO OUTFILE 'f' TRUNCATE FORMAT X",
  ],
  ['FROM t SELECT a -- FORMAT CSV', undefined, "FROM t SELECT a INTO OUTFILE 'f' TRUNCATE FORMAT X"],
])('%j: the format is the one of its clause', (sql, format, run) => {
  const statement = kindOf(sql)
  if (statement.kind !== 'select') throw new Error(statement.kind)
  expect([statement.format, one(statement.writing('f', 'X'))]).toEqual([format, run])
})

test.each([
  'CREATE TABLE t (a Int8)',
  'SHOW TABLES',
  'INSERT INTO t SELECT 1',
  'WITH 1 AS x INSERT INTO t SELECT x',
  'OPTIMIZE TABLE t',
])('%s runs as it stands', (sql) => {
  expect(kindOf(sql)).toMatchObject({ kind: 'other', sql })
})

test('data after a SELECT that does not read it is left out', () => {
  expect(kindOf('INSERT INTO t SELECT a FROM s FORMAT CSV\n1\n\nDROP TABLE t')).toMatchObject({
    kind: 'other',
    sql: 'INSERT INTO t SELECT a FROM s ',
  })
})

test.each([
  ['SELECT 1; SELECT 2', 62],
  ['INSERT INTO t SELECT 1; DROP TABLE t', 62],
  ["SELECT 1 INTO OUTFILE 'x'", 358],
  ["INSERT INTO t FROM INFILE 'x' FORMAT CSV", 358],
  ['INSERT INTO t SELECT * FROM input() FORMAT CSV\n1', 36],
])('%s is refused', (sql, code) => {
  expect(() => kindOf(sql)).toThrow(expect.objectContaining({ code }))
})

test('nothing but comments is an empty statement', () => {
  expect(kindOf(' -- a\n/* b */ ').kind).toBe('empty')
})
