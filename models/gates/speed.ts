import type { Gate, GateReport } from './report.ts'

/** Fewer rounds could all have been disturbed. */
const leastRounds = 5

/**
 * Not slower: the median over the rounds of candidate time / champion time. Both ran in turns in one process, so what
 * else the machine did in a round slowed both.
 *
 * @param mostRatio times the champion
 */
export function speedGate({ champion, candidate }: GateReport['data']['speed'], mostRatio: number): Gate {
  const gate = { name: 'speed', bound: mostRatio, unit: '× champion' } as const
  const ratios = candidate.flatMap((ms, round) => ms / (champion[round] ?? Number.NaN))
  if (ratios.length < leastRounds || !ratios.every(Number.isFinite)) {
    return {
      ...gate,
      passed: false,
      value: null,
      reason: `measured in ${ratios.length} rounds, at least ${leastRounds} are needed`,
    }
  }
  const value = median(ratios)
  const reason = `${median(champion).toFixed(3)} → ${median(candidate).toFixed(3)} ms a post on one thread, in ${ratios.length} rounds in turns`
  return { ...gate, passed: value <= mostRatio, value, reason }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}
