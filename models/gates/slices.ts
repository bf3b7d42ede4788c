import type { Random } from '../../core/random.ts'
import { benjaminiHochberg } from '../../stats/benjamini-hochberg.ts'
import { pairedBootstrap } from '../../stats/bootstrap.ts'
import { mcnemarOfCounts } from '../../stats/mcnemar.ts'
import { type Counted, f1, type Judged, points, rowsWhere } from './compared.ts'
import type { Gate, Slice } from './report.ts'

/** Share of false refusals, over all slices of a report together, while no slice is worse. */
const alpha = 0.05

export interface SliceBounds {
  /** Slices with fewer posts are not judged. */
  readonly leastRows: number
  /** A smaller loss is none, however small its p, 0 to 1. */
  readonly margin: number
}

/**
 * No worse on any part of the stream: by class, language, source and length of the text. A class is judged by its F1,
 * because a candidate that follows a new mix of classes trades recall of one for precision of another; the other slices
 * by accuracy (McNemar's mid-p, one-sided). The p are corrected for the number of slices (Benjamini–Hochberg).
 */
export function slicesGate(
  judged: Judged | undefined,
  set: Counted | undefined,
  { leastRows, margin }: SliceBounds,
  random: Random,
): { readonly gate: Gate; readonly slices: readonly Slice[] } {
  const gate = { name: 'slices', bound: alpha, unit: 'adjusted p of the worst slice' } as const
  const raw = judged === undefined || set === undefined ? [] : judge(judged, set, leastRows, random)
  const adjusted = benjaminiHochberg(raw.map(({ p }) => p))
  const slices = raw.map((slice, at) => {
    const adjustedP = adjusted[at] ?? 1
    return { ...slice, adjustedP, passed: !(adjustedP <= alpha && slice.champion - slice.candidate > margin) }
  })
  if (slices.length === 0) {
    const reason = `not judged: no slice of the hold-out has ${leastRows} posts`
    return { gate: { ...gate, passed: true, value: null, reason }, slices }
  }
  const failed = slices.filter(({ passed }) => !passed)
  const named = failed.map(
    ({ by, value, rows, champion, candidate }) =>
      `${by} ${value}: ${points(champion)} → ${points(candidate)} % on ${rows} posts`,
  )
  const reason =
    failed.length > 0
      ? `worse on ${failed.length} of ${slices.length} slices: ${named.join('; ')}`
      : `no worse on any of ${slices.length} slices of at least ${leastRows} posts, by class, language, source and length`
  const value = Math.min(...(failed.length > 0 ? failed : slices).map(({ adjustedP }) => adjustedP))
  return { gate: { ...gate, passed: failed.length === 0, value, reason }, slices }
}

type RawSlice = Omit<Slice, 'adjustedP' | 'passed'>

function judge(judged: Judged, set: Counted, leastRows: number, random: Random): RawSlice[] {
  const slices: RawSlice[] = []
  const byValue = (by: 'lang' | 'source' | 'length', of: (row: number) => string): void => {
    const groups = new Map<string, number[]>()
    for (let row = 0; row < set.rows; row++) {
      const value = of(row)
      if (value === '') continue
      const rows = groups.get(value)
      if (rows === undefined) groups.set(value, [row])
      else rows.push(row)
    }
    for (const [value, rows] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (rows.length >= leastRows) slices.push({ by, value, ...byAccuracy(set, Int32Array.from(rows)) })
    }
  }
  judged.labels.forEach((value, index) => {
    const rows = rowsWhere(set.rows, (row) => set.truth[row] === index).length
    if (rows >= leastRows) slices.push({ by: 'class', value, rows, ...byF1(set, index, random) })
  })
  byValue('lang', (row) => judged.posts[row]?.lang ?? '')
  byValue('source', (row) => judged.posts[row]?.source ?? '')
  byValue('length', (row) => lengthOf(judged.posts[row]?.words ?? 0))
  return slices
}

/** Cut near the terciles of short posts. */
const lengthOf = (words: number): string =>
  words < 10 ? 'under 10 words' : words < 20 ? '10 to 19 words' : '20 words and more'

function byF1(set: Counted, index: number, random: Random): Pick<RawSlice, 'champion' | 'candidate' | 'p'> {
  const all = rowsWhere(set.rows, () => true)
  const difference = (rows: Int32Array): number =>
    f1(set, set.candidateSays, rows, index) - f1(set, set.championSays, rows, index)
  const boot = pairedBootstrap(set.rows, difference, random)
  return {
    champion: f1(set, set.championSays, all, index),
    candidate: f1(set, set.candidateSays, all, index),
    p: boot.difference < 0 ? boot.p / 2 : 1 - boot.p / 2,
  }
}

function byAccuracy(set: Counted, rows: Int32Array): Pick<RawSlice, 'rows' | 'champion' | 'candidate' | 'p'> {
  let [champion, candidate, onlyChampion, onlyCandidate] = [0, 0, 0, 0]
  for (const row of rows) {
    const [was, is] = [set.championSays[row] === set.truth[row], set.candidateSays[row] === set.truth[row]]
    if (was) champion++
    if (is) candidate++
    if (was && !is) onlyChampion++
    if (is && !was) onlyCandidate++
  }
  const { midP } = mcnemarOfCounts(onlyChampion, onlyCandidate)
  return {
    rows: rows.length,
    champion: champion / rows.length,
    candidate: candidate / rows.length,
    p: onlyChampion > onlyCandidate ? midP / 2 : 1 - midP / 2,
  }
}
