import { fnv1a } from '../../../core/fnv1a.ts'

const hashedWords = 64

/**
 * A post as a point: its words hashed with a sign into 64 numbers (Weinberger et al. 2009, arXiv:0902.2206) and scaled to length
 * 1, then its class probabilities, so that posts are far apart that share no words or that the model sees differently.
 *
 * @returns [64 + classes]
 */
export function pointOf(text: string, probabilities: readonly number[]): Float32Array {
  const point = new Float32Array(hashedWords + probabilities.length)
  for (const word of new Set(text.toLowerCase().match(/[\p{L}\p{N}#]+/gu) ?? [])) {
    const hash = hashOf(word)
    point[hash % hashedWords] = (point[hash % hashedWords] ?? 0) + (hash & 0x8000_0000 ? -1 : 1)
  }
  let length = 0
  for (let at = 0; at < hashedWords; at++) length += (point[at] ?? 0) ** 2
  if (length > 0) for (let at = 0; at < hashedWords; at++) point[at] = (point[at] ?? 0) / Math.sqrt(length)
  probabilities.forEach((probability, at) => {
    point[hashedWords + at] = Number.isFinite(probability) ? probability : 0
  })
  return point
}

/** 32 bits, each of them good: the place comes from the low ones and the sign from the highest. */
function hashOf(word: string): number {
  const hash = fnv1a(word)
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 12)) >>> 0
}

/**
 * The k points that stand for all the others: greedy k-centre, whose largest distance from a point to its centre is at most
 * twice the smallest possible. It begins with the point nearest to the mean and then takes the farthest, so that equal
 * points give equal centres. O(k · points · dimensions): 10 of 20,000 points in about 0.1 s.
 *
 * @returns at most `k` indices; fewer when the points do not differ
 * @see Gonzalez (1985), doi:10.1016/0304-3975(85)90224-5; Sener and Savarese (2018), arXiv:1708.00489, for its use
 */
export function kCentre(points: readonly Float32Array[], k: number): readonly number[] {
  if (points.length === 0 || k <= 0) return []
  const mean = new Float32Array(points[0]?.length ?? 0)
  for (const point of points) for (let at = 0; at < mean.length; at++) mean[at] = (mean[at] ?? 0) + (point[at] ?? 0)
  for (let at = 0; at < mean.length; at++) mean[at] = (mean[at] ?? 0) / points.length
  const toMean = points.map((point) => distance(point, mean))
  const centres = [toMean.reduce((best, value, at) => (value < (toMean[best] ?? 0) ? at : best), 0)]
  const nearest = new Float32Array(points.length).fill(Number.POSITIVE_INFINITY)
  for (;;) {
    const centre = points[centres.at(-1) ?? 0] ?? mean
    let farthest = 0
    points.forEach((point, at) => {
      nearest[at] = Math.min(nearest[at] ?? 0, distance(point, centre))
      if ((nearest[at] ?? 0) > (nearest[farthest] ?? 0)) farthest = at
    })
    if (centres.length >= k || nearest[farthest] === 0) return centres
    centres.push(farthest)
  }
}

/** Squared. */
function distance(first: Float32Array, second: Float32Array): number {
  let sum = 0
  for (let at = 0; at < first.length; at++) sum += ((first[at] ?? 0) - (second[at] ?? 0)) ** 2
  return sum
}
