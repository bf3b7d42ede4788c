import type { Random } from '../../core/random.ts'
import { pairedBootstrap } from '../../stats/bootstrap.ts'
import { mcnemar } from '../../stats/mcnemar.ts'
import { type Counted, macroRecall, points, rowsWhere } from './compared.ts'
import type { Gate } from './report.ts'

/** Below this, no difference that a retraining makes could be told from chance. */
const leastRows = 30

/** One-sided error of calling a candidate better that is not. */
const alpha = 0.05

/**
 * Better than the champion on the newest posts, which no training saw, by more than chance explains: macro-recall,
 * weighted by how the posts were chosen, rises (paired bootstrap), or accuracy does (McNemar's mid-p) while macro-recall does
 * not fall. Macro-recall alone would need hundreds of posts of the rarest class to see a gain that thousands of others
 * show; accuracy alone would take a candidate that gives the rare classes up. Two tests share the error: p is twice the
 * smaller (Bonferroni).
 */
export function freshGate(set: Counted | undefined, random: Random): Gate {
  const gate = { name: 'fresh', bound: alpha, unit: 'one-sided p' } as const
  if (set === undefined || set.rows < leastRows) {
    const reason = `${set?.rows ?? 0} labelled posts are held out; at least ${leastRows} are needed to call anything better`
    return { ...gate, passed: false, value: null, reason }
  }
  const difference = (indices: Int32Array): number =>
    macroRecall(set, set.candidateSays, indices) - macroRecall(set, set.championSays, indices)
  const boot = pairedBootstrap(set.rows, difference, random)
  const right = (says: Int32Array): boolean[] => Array.from(says, (label, row) => label === set.truth[row])
  const paired = mcnemar(right(set.championSays), right(set.candidateSays))
  const recallP = boot.difference > 0 ? boot.p / 2 : 1 - boot.p / 2
  const accuracyP = paired.onlySecond > paired.onlyFirst && boot.difference >= 0 ? paired.midP / 2 : 1
  const p = Math.min(1, 2 * Math.min(recallP, accuracyP))
  const all = rowsWhere(set.rows, () => true)
  const recalls = [set.championSays, set.candidateSays].map((says) => points(macroRecall(set, says, all)))
  const reason =
    `macro-recall ${recalls.join(' → ')} % on ${set.rows} posts (95 % interval of the difference ${points(boot.low)} to ${points(boot.high)}); ` +
    `only the candidate right ${paired.onlySecond}, only the champion right ${paired.onlyFirst}, McNemar mid-p ${paired.midP.toPrecision(2)}`
  return { ...gate, passed: p <= alpha, value: p, reason }
}
