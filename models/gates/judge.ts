import type { Random } from '../../core/random.ts'
import { calibrationGate } from './calibration.ts'
import { counted, describeCompared, type Judged } from './compared.ts'
import { freshGate } from './fresh.ts'
import { goldenGate } from './golden.ts'
import { type NumbersProof, numbersGate } from './numbers.ts'
import type { GateReport } from './report.ts'
import { slicesGate } from './slices.ts'
import { speedGate } from './speed.ts'

/** What a candidate is held against. */
export interface GateBounds {
  /** Macro-recall that may be lost on the golden set, 0 to 1. */
  readonly goldenMargin: number
  /** Posts from which on a slice is judged, and the loss on it that is none. */
  readonly sliceRows: number
  readonly sliceMargin: number
  /** Calibration error beyond what chance explains. */
  readonly maxEce: number
  /** Time a post, as a multiple of the champion's. */
  readonly maxSlowdown: number
}

/** Everything that was measured of a candidate. */
export interface Evidence {
  readonly candidate: GateReport['candidate']
  readonly evaluatedAtMs: number
  /** The newest labelled posts, held out by time. */
  readonly fresh: Judged | undefined
  /** Posts that must not get worse; `undefined` where there is no such set. */
  readonly golden: Judged | undefined
  readonly speed: GateReport['data']['speed']
  readonly numbers: readonly NumbersProof[]
}

/** Judges a candidate: pure, so the same evidence and seed give the same report. */
export function judgeCandidate(evidence: Evidence, bounds: GateBounds, random: Random): GateReport {
  const { candidate, evaluatedAtMs, fresh, golden, speed, numbers } = evidence
  const sets = { fresh: fresh && counted(fresh), golden: golden && counted(golden) }
  const sliced = slicesGate(fresh, sets.fresh, { leastRows: bounds.sliceRows, margin: bounds.sliceMargin }, random)
  const calibrated = calibrationGate(fresh, bounds.maxEce, random)
  const gates = [
    freshGate(sets.fresh, random),
    goldenGate(sets.golden, bounds.goldenMargin, random),
    sliced.gate,
    calibrated.gate,
    speedGate(speed, bounds.maxSlowdown),
    numbersGate(numbers),
  ]
  const described = (judged: Judged | undefined, set: ReturnType<typeof counted> | undefined) =>
    judged === undefined || set === undefined ? null : describeCompared(judged, set)
  return {
    schema: 1,
    candidate,
    evaluatedAt: new Date(evaluatedAtMs).toISOString(),
    passed: gates.every(({ passed }) => passed),
    gates,
    data: {
      fresh: described(fresh, sets.fresh),
      golden: described(golden, sets.golden),
      slices: [...sliced.slices],
      reliability: [...calibrated.reliability],
      speed,
    },
  }
}
