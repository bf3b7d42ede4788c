import { checkBetween } from './checks.ts'

/*
 * The special functions that the tests of this folder need. Ours, because what the registry offers fits worse: @stdlib's
 * incomplete gamma function alone brings 197 packages (23 MB), jstat stops at a relative error of 3e-7, and cephes 3.3
 * throws where a tail underflows and never returns from kolmogorov(0).
 */

/** Terms B₂ₖ / (2k (2k − 1)) of Stirling's series. */
const stirling = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156]

/**
 * ln Γ(x) by Stirling's series (DLMF 5.11.1), after x was raised to at least 10 by Γ(x + 1) = x Γ(x).
 *
 * @param x > 0
 */
export function logGamma(x: number): number {
  let raised = x
  let product = 1
  for (; raised < 10; raised++) product *= raised
  const inverse = 1 / raised
  let sum = 0
  for (let k = stirling.length - 1; k >= 0; k--) sum = sum * inverse * inverse + (stirling[k] ?? 0)
  return (raised - 0.5) * Math.log(raised) - raised + 0.5 * Math.log(2 * Math.PI) + sum * inverse - Math.log(product)
}

/** ln B(a, b), a and b > 0. */
export const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)

/**
 * Regularised upper incomplete gamma function Q(a, x) = Γ(a, x) / Γ(a): the series of DLMF 8.11.4 below x = a + 1, the
 * continued fraction of DLMF 8.9.2 above, where the series would cancel.
 *
 * @param a > 0
 * @param x ≥ 0, may be infinite
 * @returns 0 to 1, to a relative error of about 1e-13 for a ≤ 1,000 and 1e-9 for a ≤ 100,000
 */
export function gammaUpper(a: number, x: number): number {
  if (x <= 0) return 1
  if (x === Number.POSITIVE_INFINITY) return 0
  const factor = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x >= a + 1) return factor === 0 ? 0 : factor * upperFraction(a, x)
  let term = 1 / a
  let sum = term
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= x / (a + n)
    sum += term
  }
  return Math.max(0, 1 - factor * sum)
}

/** Lentz's evaluation of 1 / (x + 1 − a − 1(1 − a) / (x + 3 − a − …)), x ≥ a + 1. */
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = Number.POSITIVE_INFINITY
  let d = 1 / b
  let value = d
  for (let n = 1; ; n++) {
    const numerator = n * (a - n)
    b += 2
    d = 1 / (b + numerator * d)
    c = b + numerator / c
    value *= c * d
    if (Math.abs(c * d - 1) < 1e-15) return value
  }
}

/** P(χ² > x) with `df` degrees of freedom; 1 when there are none. */
export const chiSquareUpper = (x: number, df: number): number => (df === 0 ? 1 : gammaUpper(df / 2, x / 2))

/**
 * The x that χ² with `df` degrees of freedom exceeds with probability `upper`, by bisection of `chiSquareUpper`.
 *
 * @param upper between 0 and 1, both excluded
 * @param df > 0
 */
export function chiSquareQuantile(upper: number, df: number): number {
  checkBetween(upper, 0, 1, 'upper')
  let high = df
  while (chiSquareUpper(high, df) > upper) high *= 2
  let low = 0
  for (;;) {
    const middle = (low + high) / 2
    if (middle <= low || middle >= high) return middle
    if (chiSquareUpper(middle, df) > upper) low = middle
    else high = middle
  }
}

/** The z with P(|Z| ≤ z) = `level` for a standard normal Z; 1.96 for 0.95. */
export const twoSidedZ = (level: number): number => Math.sqrt(chiSquareQuantile(1 - level, 1))

/**
 * Upper tail of Kolmogorov's distribution, 2 Σ (−1)ᵏ⁻¹ exp(−2 k² x²), and below 1 its theta-function form
 * 1 − √(2π)/x Σ exp(−(2k − 1)² π² / (8 x²)), which converges where the first does not.
 *
 * @returns 0 to 1; 1 at x ≤ 0
 * @see Kolmogorov (1933), Giornale dell'Istituto Italiano degli Attuari 4, 83–91
 */
export function kolmogorovUpper(x: number): number {
  if (x <= 0.1) return 1 // 1 − 1e-52
  let sum = 0
  if (x < 1) {
    for (let k = 1; k <= 9; k += 2) sum += Math.exp(-((k * Math.PI) ** 2) / (8 * x * x))
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum
  }
  for (let k = 1; k <= 6; k++) sum += (k % 2 === 1 ? 2 : -2) * Math.exp(-2 * (k * x) ** 2)
  return sum
}

/**
 * Regularised incomplete beta function I_x(a, b): the continued fraction of DLMF 8.17.22 by Lentz's method, at 1 − x where
 * it converges faster there.
 *
 * @param x 0 to 1
 * @param a,b > 0
 * @returns 0 to 1; small tails keep their digits
 */
export function betaRegularized(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - betaRegularized(1 - x, b, a)
  const tiny = 1e-300
  const kept = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / kept(1 + even * d)
    c = kept(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / kept(1 + odd * d)
    c = kept(1 + odd / c)
    value *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return (Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a) * value
}

/** P(F > x) of Fisher's F with `d1` and `d2` degrees of freedom; 1 when there are none above. */
export const fUpper = (x: number, d1: number, d2: number): number =>
  d1 === 0 || x <= 0 ? 1 : betaRegularized(d2 / (d2 + d1 * x), d2 / 2, d1 / 2)

/** P(T > t) of Student's t with `df` degrees of freedom. */
export const studentUpper = (t: number, df: number): number => {
  const tail = betaRegularized(df / (df + t * t), df / 2, 0.5) / 2
  return t >= 0 ? tail : 1 - tail
}
