import type { Random } from '../../core/random.ts'
import { ece, type ReliabilityBin, reliabilityBins } from '../../stats/reliability.ts'
import { argmax } from '../../stats/softmax.ts'
import type { Judged } from './compared.ts'
import type { Gate } from './report.ts'

/** Fewer than the 15 of `reliabilityBins`: a hold-out of some hundred posts leaves most of them empty. */
const bins = 10
const draws = 500

/**
 * Calibrated: confidence means accuracy. The expected calibration error of a small hold-out is far from 0 even for a
 * perfect model, so what a calibrated model with these very confidences would show in 19 of 20 hold-outs is taken off
 * first (consistency resampling: Bröcker and Smith 2007, doi:10.1175/WAF993.1).
 *
 * @param most what may be left, 0 to 1
 */
export function calibrationGate(
  judged: Judged | undefined,
  most: number,
  random: Random,
): { readonly gate: Gate; readonly reliability: readonly ReliabilityBin[] } {
  const gate = { name: 'calibration', bound: most, unit: 'ECE beyond chance' } as const
  if (judged === undefined || judged.posts.length === 0) {
    const reason = 'no labelled post is held out to measure calibration on'
    return { gate: { ...gate, passed: false, value: null, reason }, reliability: [] }
  }
  const classes = judged.labels.length
  const says = judged.posts.map((_, row) => argmax(judged.candidate, row, classes))
  const confidence = says.map((label, row) => judged.candidate[row * classes + label] ?? Number.NaN)
  if (!confidence.every(Number.isFinite)) {
    const reason = 'some of its confidences are no numbers'
    return { gate: { ...gate, passed: false, value: null, reason }, reliability: [] }
  }
  const right = judged.posts.map(({ truth }, row) => says[row] === truth)
  const reliability = reliabilityBins(confidence, right, bins)
  const found = ece(reliability)
  const byChance = Array.from({ length: draws }, () =>
    ece(
      reliabilityBins(
        confidence,
        confidence.map((sure) => random() < sure),
        bins,
      ),
    ),
  ).sort((a, b) => a - b)
  const usual = byChance[Math.floor(0.95 * draws)] ?? 0
  const value = Math.max(0, found - usual)
  const mean = (values: readonly number[]): string =>
    ((100 * values.reduce((sum, one) => sum + one, 0)) / values.length).toFixed(1)
  const reason = `ECE ${found.toFixed(3)} on ${says.length} posts (mean confidence ${mean(confidence)} %, accuracy ${mean(right.map(Number))} %); a calibrated model stays below ${usual.toFixed(3)} in 19 of 20 hold-outs of this size`
  return { gate: { ...gate, passed: value <= most, value, reason }, reliability }
}
