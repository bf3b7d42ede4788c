/** A round number at or above: a scale that ends there moves seldom, not with each point. */
export function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  return power * ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10)
}

/**
 * Shares that lie on each other.
 *
 * @param counts one array per class, all of one length
 * @returns for each class the share of it and of all before it, so that the last one is 1; `null` in a step without posts
 */
export function stacked(counts: readonly (readonly number[])[]): (number | null)[][] {
  const steps = counts[0]?.length ?? 0
  const totals = Array.from({ length: steps }, (_, step) => counts.reduce((sum, row) => sum + (row[step] ?? 0), 0))
  const below = new Array<number>(steps).fill(0)
  return counts.map((row) =>
    row.map((count, step) => {
      const total = totals[step] ?? 0
      below[step] = (below[step] ?? 0) + count
      return total === 0 ? null : (below[step] ?? 0) / total
    }),
  )
}
