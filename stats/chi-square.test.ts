import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { chiSquareTest, gTest } from './chi-square.ts'
import { expectRelative, tests } from './testing/fixtures.ts'
import { expectUniform } from './testing/null.ts'

test.each(tests.tables)('agree with SciPy: $table', ({ table, chiSquare, chiSquareYates, g, gYates }) => {
  for (const [result, [statistic = 0, df = 0, p = 0]] of [
    [chiSquareTest(table), chiSquare],
    [chiSquareTest(table, 'yates'), chiSquareYates],
    [gTest(table), g],
    [gTest(table, 'yates'), gYates],
  ] as const) {
    expectRelative(result.statistic, statistic)
    expect(result.df).toBe(df)
    expectRelative(result.p, p)
  }
})

test('small expected counts are owned up to', () => {
  expect(
    chiSquareTest([
      [3, 7],
      [6, 1],
    ]).trusted,
  ).toBe(false)
  expect(
    chiSquareTest([
      [30, 90],
      [80, 20],
    ]).trusted,
  ).toBe(true)
})

test('rows and columns without counts take no part; one class alone says nothing', () => {
  expect(
    chiSquareTest([
      [10, 0, 20],
      [30, 0, 15],
    ]).df,
  ).toBe(1)
  for (const run of [chiSquareTest, gTest]) {
    expect(
      run([
        [10, 0],
        [25, 0],
      ]),
    ).toEqual({ statistic: 0, df: 0, p: 1, trusted: true })
  }
})

test('empty tables, ragged ones, negative counts and NaN are refused; huge counts are not', () => {
  for (const bad of [
    [],
    [
      [0, 0],
      [0, 0],
    ],
    [[1, 2], [3]],
    [
      [1, -2],
      [3, 4],
    ],
    [
      [1, Number.NaN],
      [3, 4],
    ],
  ]) {
    expect(() => chiSquareTest(bad)).toThrow(RangeError)
    expect(() => gTest(bad)).toThrow(RangeError)
  }
  expect(
    chiSquareTest([
      [1e12, 2e12],
      [2e12, 4e12],
    ]).p,
  ).toBeCloseTo(1, 6)
  expect(
    chiSquareTest([
      [1e12, 2e12],
      [2e12, 1e12],
    ]).p,
  ).toBe(0)
})

test('without a change p is uniform', () => {
  const random = seededRandom(6)
  const row = (rows: number) => {
    const classes = [0, 0, 0]
    for (let post = 0; post < rows; post++) {
      const label = Math.min(2, Math.floor(4 * random()))
      classes[label] = (classes[label] ?? 0) + 1
    }
    return classes
  }
  const tables = Array.from({ length: 2000 }, () => [row(700), row(400)])
  expectUniform(tables.map((table) => chiSquareTest(table).p))
  expectUniform(tables.map((table) => gTest(table).p))
})
