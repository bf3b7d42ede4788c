import { checkSameLength, checkSample } from './checks.ts'

/** A non-decreasing function: linear between the knots, level outside them. Plain data, for a manifest or a table. */
export interface Isotonic {
  /** Strictly ascending. */
  readonly x: readonly number[]
  /** Non-decreasing. */
  readonly y: readonly number[]
}

interface Block {
  from: number
  to: number
  mean: number
  weight: number
}

/**
 * Isotonic regression by pooling adjacent violators: the non-decreasing values that minimise Σ (y − ŷ)² (Ayer et al. 1955,
 * doi:10.1214/aoms/1177728423); as a calibrator, Zadrozny and Elkan 2002. Equal x are averaged first.
 *
 * @param x,y [rows], at least one
 * @returns the ends of the level stretches
 * @throws RangeError when lengths differ, there is no row, or a value is NaN
 */
export function fitIsotonic(x: ArrayLike<number>, y: ArrayLike<number>): Isotonic {
  checkSameLength(x, y, 'x against y')
  checkSample(x, 'x')
  checkSample(y, 'y')
  const order = Array.from(x, (_, row) => row).sort((a, b) => (x[a] ?? 0) - (x[b] ?? 0))
  const groups: Block[] = []
  for (const row of order) {
    const [at, value, last] = [x[row] ?? 0, y[row] ?? 0, groups.at(-1)]
    if (last?.to === at) join(last, { from: at, to: at, mean: value, weight: 1 })
    else groups.push({ from: at, to: at, mean: value, weight: 1 })
  }
  const blocks: Block[] = []
  for (const group of groups) {
    blocks.push(group)
    for (;;) {
      const [before, last] = blocks.slice(-2)
      if (before === undefined || last === undefined || before.mean < last.mean) break
      blocks.pop()
      join(before, last)
    }
  }
  const knots = blocks.flatMap(({ from, to, mean }) =>
    from === to
      ? [[from, mean]]
      : [
          [from, mean],
          [to, mean],
        ],
  )
  return { x: knots.map(([at = 0]) => at), y: knots.map(([, value = 0]) => value) }
}

function join(block: Block, next: Block): void {
  const weight = block.weight + next.weight
  block.mean = (block.mean * block.weight + next.mean * next.weight) / weight
  block.weight = weight
  block.to = next.to
}

/** The function's value at `at`. */
export function isotonicAt({ x, y }: Isotonic, at: number): number {
  let [low, high] = [0, x.length - 1]
  if (at <= (x[low] ?? 0)) return y[low] ?? 0
  if (at >= (x[high] ?? 0)) return y[high] ?? 0
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((x[middle] ?? 0) <= at) low = middle
    else high = middle
  }
  const [x0 = 0, x1 = 1, y0 = 0, y1 = 0] = [x[low], x[high], y[low], y[high]]
  return y0 + ((y1 - y0) * (at - x0)) / (x1 - x0)
}
