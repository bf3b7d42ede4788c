import { checkSample } from './checks.ts'

/**
 * Brier score of several classes: mean over rows of Σ (pₖ − [k is the truth])² (Brier 1950,
 * doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2). For two classes it is twice the form that looks at one of them.
 *
 * @param probabilities [rows · classes]
 * @param truth [rows], index of the class; at least one row
 * @returns 0 (certain and right) to 2 (certain and wrong)
 * @throws RangeError when there is no row, a probability is NaN, or the lengths do not fit
 */
export function brier(probabilities: ArrayLike<number>, truth: ArrayLike<number>, classes: number): number {
  checkSample(probabilities, 'probabilities')
  if (probabilities.length !== truth.length * classes) {
    throw new RangeError(`${probabilities.length} probabilities for ${truth.length} rows of ${classes}`)
  }
  let sum = 0
  for (let at = 0; at < probabilities.length; at++) {
    const hit = truth[Math.floor(at / classes)] === at % classes ? 1 : 0
    sum += ((probabilities[at] ?? 0) - hit) ** 2
  }
  return sum / truth.length
}
