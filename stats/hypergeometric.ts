import { logGamma } from './special.ts'

/**
 * P(X ≥ k) when `drawn` of `total` posts are drawn without replacement and `marked` of them are marked (Fisher's exact test,
 * one-sided). For categories that are too rare for χ²: a source that was never seen before has few posts and a sure answer.
 *
 * @param k,marked,drawn,total whole numbers, marked and drawn ≤ total
 * @returns 0 to 1
 */
export function hypergeometricUpper(k: number, marked: number, drawn: number, total: number): number {
  const least = Math.max(0, drawn + marked - total)
  if (k <= least) return 1
  const most = Math.min(marked, drawn)
  if (k > most) return 0
  let term = Math.exp(
    logChoose(marked, k) + logChoose(total - marked, drawn - k) - logChoose(total, drawn), // P(X = k)
  )
  let sum = 0
  for (let at = k; at <= most; at++) {
    sum += term
    term *= ((marked - at) * (drawn - at)) / ((at + 1) * (total - marked - drawn + at + 1))
    if (term < sum * 1e-17) break
  }
  return Math.min(1, sum)
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
