import { checkSameLength } from './checks.ts'

/** Two classifiers on the same posts. */
export interface PairedTest {
  /** Posts that only the first, or only the second, got right. */
  readonly onlyFirst: number
  readonly onlySecond: number
  /** Two-sided exact p: the probability of a split at least this uneven by chance. Never too small, often too large. */
  readonly exactP: number
  /** Two-sided mid-p: half of the probability of the observed split taken off, which makes it about right. */
  readonly midP: number
}

/**
 * McNemar's test: of the posts on which two classifiers differ, each should win half (McNemar 1947,
 * doi:10.1007/BF02295996), exact and with the mid-p correction (Fagerland, Lydersen and Laake 2013,
 * doi:10.1186/1471-2288-13-91).
 *
 * @param first,second [rows], whether the classifier was right
 * @throws RangeError when the lengths differ
 */
export function mcnemar(first: readonly boolean[], second: readonly boolean[]): PairedTest {
  checkSameLength(first, second, 'first against second')
  const onlyFirst = first.filter((right, row) => right && second[row] === false).length
  const onlySecond = second.filter((right, row) => right && first[row] === false).length
  return mcnemarOfCounts(onlyFirst, onlySecond)
}

/**
 * The same from the two counts that matter, as ClickHouse can count them.
 *
 * @returns both p are 1 when the classifiers never differ
 */
export function mcnemarOfCounts(onlyFirst: number, onlySecond: number): PairedTest {
  const n = onlyFirst + onlySecond
  const fewer = Math.min(onlyFirst, onlySecond)
  let logTerm = -n * Math.LN2 // ln P(X = 0), X ~ Binomial(n, ½)
  let tail = 0
  let last = 0
  for (let k = 0; k <= fewer; k++) {
    if (k > 0) logTerm += Math.log((n - k + 1) / k)
    last = Math.exp(logTerm)
    tail += last
  }
  const exactP = n === 0 ? 1 : Math.min(1, 2 * tail)
  return { onlyFirst, onlySecond, exactP, midP: n === 0 ? 1 : Math.min(1, 2 * tail - last) }
}
