/** Two classifiers on the same posts. */
export interface PairedTest {
  /** Posts that only the first, or only the second, got right. */
  readonly onlyFirst: number
  readonly onlySecond: number
  /** Two-sided mid-p value of McNemar's exact test: the probability of a split at least this uneven by chance. */
  readonly midP: number
}

/**
 * McNemar's test with the mid-p correction (Fagerland, Lydersen and Laake 2013, doi:10.1186/1471-2288-13-91): exact
 * binomial, half of the probability of the observed split taken off.
 *
 * @param first,second [rows], whether the classifier was right
 */
export function mcnemar(first: readonly boolean[], second: readonly boolean[]): PairedTest {
  let onlyFirst = 0
  let onlySecond = 0
  first.forEach((right, row) => {
    if (right && second[row] === false) onlyFirst++
    if (!right && second[row] === true) onlySecond++
  })
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
  return { onlyFirst, onlySecond, midP: n === 0 ? 1 : Math.min(1, 2 * tail - last) }
}
