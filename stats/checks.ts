/**
 * What every statistic asks of its input. A violation is a bug of the caller, not of a user, hence a plain RangeError:
 * a NaN that got this far would otherwise come out as a p-value of NaN, and no comparison with NaN ever raises an alarm.
 */

/** @throws RangeError when a value is NaN or infinite */
export function checkFinite(values: ArrayLike<number>, what: string): void {
  for (let at = 0; at < values.length; at++) {
    if (!Number.isFinite(values[at])) throw new RangeError(`${what}[${at}] is ${values[at]}, not a finite number`)
  }
}

/** @throws RangeError when the values are none, or one of them is NaN or infinite */
export function checkSample(values: ArrayLike<number>, what: string): void {
  if (values.length === 0) throw new RangeError(`${what} is empty`)
  checkFinite(values, what)
}

/**
 * @returns the sum of the counts
 * @throws RangeError when a count is negative, NaN or infinite, or all are 0
 */
export function checkCounts(counts: ArrayLike<number>, what: string): number {
  checkFinite(counts, what)
  let sum = 0
  for (let at = 0; at < counts.length; at++) {
    const count = counts[at] ?? 0
    if (count < 0) throw new RangeError(`${what}[${at}] is ${count}, a negative count`)
    sum += count
  }
  if (sum === 0) throw new RangeError(`${what} holds no counts`)
  return sum
}

/** @throws RangeError when the lengths differ */
export function checkSameLength(first: ArrayLike<unknown>, second: ArrayLike<unknown>, what: string): void {
  if (first.length !== second.length) throw new RangeError(`${what}: ${first.length} against ${second.length} values`)
}

/** @throws RangeError unless low < value < high */
export function checkBetween(value: number, low: number, high: number, what: string): void {
  if (!(value > low && value < high)) throw new RangeError(`${what} is ${value}, not between ${low} and ${high}`)
}
