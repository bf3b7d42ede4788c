import type { Random } from '../core/random.ts'
import { checkFinite } from './checks.ts'

/**
 * Probabilities in proportion to weights: πᵢ = min(1, c wᵢ) with the c for which Σ πᵢ = size, or 1 for every positive weight
 * when those are no more than `size`.
 *
 * @param weights ≥ 0, [units]; a unit of weight 0 is never chosen
 * @param size expected number of chosen units, ≥ 0
 * @throws RangeError when a weight is negative or not finite, or `size` is
 */
export function inclusionProbabilities(weights: ArrayLike<number>, size: number): Float64Array {
  checkFinite(weights, 'weights')
  if (!(size >= 0)) throw new RangeError(`a sample of ${size}`)
  const order = Array.from({ length: weights.length }, (_, unit) => unit).sort(
    (a, b) => (weights[b] ?? 0) - (weights[a] ?? 0),
  )
  if ((weights[order.at(-1) ?? 0] ?? 0) < 0) throw new RangeError('a weight is negative')
  // Sums from the lightest up: taking the heavy ones off a sum of all would lose the light ones' digits.
  const rest = new Float64Array(order.length + 1)
  for (let at = order.length - 1; at >= 0; at--) rest[at] = (rest[at + 1] ?? 0) + (weights[order[at] ?? 0] ?? 0)
  const chosen = new Float64Array(weights.length)
  // The heaviest are certain; from the first that is not, the factor is the same for all.
  let certain = 0
  const factor = () => (size - certain) / (rest[certain] ?? 1)
  const weightOf = (at: number) => weights[order[at] ?? 0] ?? 0
  while (certain < size && weightOf(certain) > 0 && factor() * weightOf(certain) >= 1) {
    chosen[order[certain] ?? 0] = 1
    certain++
  }
  for (let at = certain; at < order.length && certain < size && weightOf(at) > 0; at++) {
    chosen[order[at] ?? 0] = Math.min(1, factor() * weightOf(at))
  }
  return chosen
}

/** Probability of being chosen by at least one of several designs that draw independently: 1 − Π (1 − πₛ). */
export function unionProbability(probabilities: Iterable<number>): number {
  let none = 1
  for (const probability of probabilities) none *= 1 - probability
  return 1 - none
}

/**
 * Systematic sampling in random order: unit i is chosen with probability πᵢ exactly, and their number is Σ πᵢ rounded down or
 * up. (Independent draws would have the same πᵢ, and a number that varies.)
 *
 * @param probabilities 0 to 1, [units]
 * @returns the chosen units, in random order
 * @see Madow (1949), doi:10.1214/aoms/1177729988; Hartley and Rao (1962), doi:10.1214/aoms/1177704564, for the random order
 */
export function systematicSample(probabilities: ArrayLike<number>, random: Random): readonly number[] {
  const order = Int32Array.from({ length: probabilities.length }, (_, unit) => unit)
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const held = order[at] ?? 0
    order[at] = order[other] ?? 0
    order[other] = held
  }
  const chosen: number[] = []
  let mark = random()
  let sum = 0
  for (const unit of order) {
    sum += probabilities[unit] ?? 0
    // `sum` is rounded; a unit of probability 1 is passed by exactly one mark all the same.
    if (sum > mark) {
      chosen.push(unit)
      mark += 1
    }
  }
  return chosen
}
