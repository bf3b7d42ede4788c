import { checkFinite, checkSameLength, checkSample } from './checks.ts'

/**
 * Counts between fixed edges: the sketch that merges by adding, so that ClickHouse can keep it per minute and sum it over
 * any window. Bin i holds edges[i] ≤ x < edges[i + 1], and what lies outside goes to the first or the last bin.
 */
export interface Histogram {
  /** [bins + 1], strictly ascending. */
  readonly edges: readonly number[]
  /** [bins], whole numbers. */
  readonly counts: readonly number[]
}

/**
 * @param edges [bins + 1], strictly ascending, at least two
 * @returns all counts 0 for an empty sample
 * @throws RangeError when edges do not ascend, or a value is NaN or infinite
 */
export function histogram(values: ArrayLike<number>, edges: readonly number[]): Histogram {
  checkEdges(edges)
  checkFinite(values, 'values')
  const counts = Array.from({ length: edges.length - 1 }, () => 0)
  for (let at = 0; at < values.length; at++) {
    const bin = binOf(values[at] ?? 0, edges)
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { edges, counts }
}

/** Index of the bin that holds a value, by bisection. */
function binOf(value: number, edges: readonly number[]): number {
  let [low, high] = [0, edges.length - 2]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (value >= (edges[middle] ?? 0)) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * The histogram of both samples together.
 *
 * @throws RangeError when the edges differ: counts over other edges cannot be added
 */
export function mergeHistograms(first: Histogram, second: Histogram): Histogram {
  checkSameLength(first.edges, second.edges, 'edges')
  first.edges.forEach((edge, at) => {
    if (edge !== second.edges[at]) throw new RangeError(`edges[${at}] is ${edge} and ${second.edges[at]}`)
  })
  return { edges: first.edges, counts: first.counts.map((count, bin) => count + (second.counts[bin] ?? 0)) }
}

/**
 * Fewer bins with about equally many counts each: neighbours are joined until each holds at least total / bins. A joined
 * histogram keeps the small-count approximations of χ² and PSI honest where the fine one would not.
 *
 * @param bins wanted, ≥ 1; fewer come out when single bins hold more than their part
 * @returns edges for `rebin`, a subset of the histogram's
 */
export function equalMassEdges(reference: Histogram, bins: number): readonly number[] {
  const total = reference.counts.reduce((sum, count) => sum + count, 0)
  const edges = [reference.edges[0] ?? 0]
  let filled = 0
  reference.counts.forEach((count, bin) => {
    filled += count
    const last = bin === reference.counts.length - 1
    const enough = filled > 0 && filled >= (total * edges.length) / bins
    if (last || enough) edges.push(reference.edges[bin + 1] ?? 0)
  })
  return edges
}

/**
 * The same counts over fewer edges.
 *
 * @param edges a subset of the histogram's edges that keeps the first and the last
 * @throws RangeError when an edge is not one of the histogram's: bins can be joined, not cut
 */
export function rebin(fine: Histogram, edges: readonly number[]): Histogram {
  checkEdges(edges)
  const at = edges.map((edge) => fine.edges.indexOf(edge))
  if (at.includes(-1) || at[0] !== 0 || at.at(-1) !== fine.counts.length) {
    throw new RangeError("the edges are not a subset of the histogram's from its first to its last")
  }
  const counts = at
    .slice(1)
    .map((end, bin) => fine.counts.slice(at[bin] ?? 0, end).reduce((sum, count) => sum + count, 0))
  return { edges, counts }
}

function checkEdges(edges: readonly number[]): void {
  checkSample(edges, 'edges')
  if (edges.length < 2) throw new RangeError('a histogram has at least two edges')
  edges.forEach((edge, at) => {
    if (at > 0 && edge <= (edges[at - 1] ?? 0)) throw new RangeError(`edges[${at}] is not above the one before it`)
  })
}
