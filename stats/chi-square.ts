import { checkCounts, checkSameLength } from './checks.ts'
import { chiSquareUpper } from './special.ts'

export interface IndependenceTest {
  readonly statistic: number
  /** (rows − 1)(columns − 1), without the rows and columns that are empty. */
  readonly df: number
  /** Probability of a statistic at least this large when rows and columns are independent; 1 when df is 0. */
  readonly p: number
  /** Cochran's rule (1954): p is trusted when no expected count is below 1 and at most a fifth are below 5. */
  readonly trusted: boolean
}

/** A correction of 2 × 2 tables: each |observed − expected| is made smaller by ½, which makes p too large rather than too small. */
export type Correction = 'yates' | 'none'

/**
 * Pearson's χ² test of independence: Σ (O − E)² / E.
 *
 * @param table counts, [rows][columns]; for drift, the reference and the window over the classes. All-zero rows and
 *   columns are left out
 * @param correction `yates` acts on tables with one degree of freedom only; `none` by default
 * @throws RangeError when rows differ in length, a count is negative or NaN, or the table holds none
 * @see Pearson (1900), doi:10.1080/14786440009463897; Yates (1934), doi:10.2307/2983604
 */
export function chiSquareTest(table: readonly ArrayLike<number>[], correction: Correction = 'none'): IndependenceTest {
  return independence(table, correction, (observed, expected) => (observed - expected) ** 2 / expected)
}

/**
 * The G-test, 2 Σ O ln(O / E): the likelihood ratio of the same hypothesis; it adds up over splits of a table.
 * Arguments, result and errors as for `chiSquareTest`.
 *
 * @see Woolf (1957), doi:10.1111/j.1469-1809.1972.tb00293.x
 */
export function gTest(table: readonly ArrayLike<number>[], correction: Correction = 'none'): IndependenceTest {
  return independence(table, correction, (observed, expected) =>
    observed === 0 ? 0 : 2 * observed * Math.log(observed / expected),
  )
}

function independence(
  table: readonly ArrayLike<number>[],
  correction: Correction,
  term: (observed: number, expected: number) => number,
): IndependenceTest {
  const columns = Array.from(table[0] ?? [], () => 0)
  const rows = table.map((row, at) => {
    checkSameLength(columns, row, `table[0] against table[${at}]`)
    columns.forEach((sum, column) => {
      columns[column] = sum + (row[column] ?? 0)
    })
    return Array.from(row).reduce((sum, count) => sum + count, 0)
  })
  const total = checkCounts(
    table.flatMap((row) => Array.from(row)),
    'table',
  )
  const occupied = (sums: readonly number[]) => sums.filter((sum) => sum > 0).length
  const df = (occupied(rows) - 1) * (occupied(columns) - 1)
  let [statistic, below5, below1, cells] = [0, 0, 0, 0]
  rows.forEach((rowSum, row) => {
    columns.forEach((columnSum, column) => {
      const expected = (rowSum / total) * columnSum
      if (expected === 0) return
      cells++
      if (expected < 5) below5++
      if (expected < 1) below1++
      const observed = table[row]?.[column] ?? 0
      const off = expected - observed
      const closer = df === 1 && correction === 'yates' ? Math.sign(off) * Math.min(0.5, Math.abs(off)) : 0
      statistic += term(observed + closer, expected)
    })
  })
  statistic = df === 0 ? 0 : Math.max(0, statistic)
  return { statistic, df, p: chiSquareUpper(statistic, df), trusted: below1 === 0 && below5 * 5 <= cells }
}
