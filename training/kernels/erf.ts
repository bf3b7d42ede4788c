/**
 * The error function in double precision: its Taylor series up to |x| = 3, a continued fraction of erfc beyond; absolute
 * error below 1e-13.
 *
 * @see Abramowitz and Stegun (1964), 7.1.6 and 7.1.14
 */
export function erf(x: number): number {
  const magnitude = Math.abs(x)
  if (Number.isNaN(x)) return x
  if (magnitude > 6) return Math.sign(x)
  if (magnitude > 3) {
    let fraction = magnitude
    for (let k = 60; k > 0; k--) fraction = magnitude + k / 2 / fraction
    return Math.sign(x) * (1 - Math.exp(-x * x) / (fraction * Math.sqrt(Math.PI)))
  }
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}
