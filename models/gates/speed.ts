import type { Gate, GateReport } from './report.ts'

/** Fewer rounds could all have been disturbed. */
const leastRounds = 5

/**
 * Not slower: lower quartile of the candidate's rounds / lower quartile of the champion's. Both ran in turns in one
 * process, so what else the machine did slowed both; and since it can only slow them, the quick rounds tell most about the
 * models (at load 9 the median of the ratios was 1.35 for two models of one graph, the ratio of the quartiles 1.0).
 *
 * @param mostRatio times the champion
 */
export function speedGate({ champion, candidate }: GateReport['data']['speed'], mostRatio: number): Gate {
  const gate = { name: 'speed', bound: mostRatio, unit: '× champion' } as const
  const rounds = Math.min(champion.length, candidate.length)
  if (rounds < leastRounds) {
    const reason = `measured in ${rounds} rounds, at least ${leastRounds} are needed`
    return { ...gate, passed: false, value: null, reason }
  }
  const [before, after] = [lowerQuartile(champion), lowerQuartile(candidate)]
  const value = after / before
  const reason = `${before.toFixed(3)} → ${after.toFixed(3)} ms a post on one thread, in ${rounds} rounds in turns`
  return { ...gate, passed: value <= mostRatio, value, reason }
}

const lowerQuartile = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 4)] ?? Number.NaN
