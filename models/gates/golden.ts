import type { Random } from '../../core/random.ts'
import { pairedBootstrap } from '../../stats/bootstrap.ts'
import { type Counted, macroRecall, points, rowsWhere } from './compared.ts'
import type { Gate } from './report.ts'

/** One-sided error of calling a candidate worse that is not. */
const alpha = 0.05

/** Below this a resample may well hold one class only. */
const leastRows = 30

/**
 * No worse on posts that a good model has always had to get right: macro-recall may not fall by more than `margin` where
 * that is more than chance explains (paired bootstrap, one-sided). The burden of proof is on the gate, so what it could
 * have seen is part of the reason.
 *
 * @param margin of macro-recall, 0 to 1
 */
export function goldenGate(set: Counted | undefined, margin: number, random: Random): Gate {
  const gate = { name: 'golden', bound: -margin, unit: 'change of macro-recall' } as const
  if (set === undefined || set.rows < leastRows) {
    const reason = `not judged: ${set?.rows ?? 0} posts in the golden set, at least ${leastRows} are needed`
    return { ...gate, passed: true, value: null, reason }
  }
  const difference = (indices: Int32Array): number =>
    macroRecall(set, set.candidateSays, indices) - macroRecall(set, set.championSays, indices)
  // Half of the resamples are on each side of the difference itself; `high` is what one in twenty exceeds.
  const boot = pairedBootstrap(set.rows, difference, random, { level: 1 - 2 * alpha })
  const all = rowsWhere(set.rows, () => true)
  const recalls = [set.championSays, set.candidateSays].map((says) => points(macroRecall(set, says, all)))
  const visible = points(margin + (boot.high - boot.difference))
  const reason = `macro-recall ${recalls.join(' → ')} % on ${set.rows} posts; a loss of about ${visible} points would have been seen`
  return { ...gate, passed: boot.high >= -margin, value: boot.difference, reason }
}
