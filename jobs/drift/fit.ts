import type { Manifest } from '../../models/registry/manifest.ts'
import { equalMassEdges, rebin } from '../../stats/histogram.ts'
import { psi } from '../../stats/psi.ts'
import type { Outcome } from './outcome.ts'
import { confidenceEdges, type Summary } from './summary.ts'

/** Half of the posts elsewhere: the model was made for other posts than these. */
const poorFit = 0.25

/**
 * How far the window is from the labelled posts that the version was judged on when it was made. That is a matter of the
 * model's fit, not of time: it is there from the first post on, so it never raises an alarm and is shown without a p.
 */
export function fitOutcomes(manifest: Manifest | undefined, classes: readonly string[], live: Summary): Outcome[] {
  const outcomes: Outcome[] = []
  const confidence = manifest?.reference.confidence
  if (confidence !== undefined && sameEdges(confidence.edges) && live.posts > 0) {
    const edges = equalMassEdges(confidence, 10)
    const coarse = (counts: readonly number[]) => rebin({ edges: confidence.edges, counts }, edges).counts
    outcomes.push(fitOf('fit.confidence', coarse(confidence.counts), coarse(live.confidence)))
  }
  const label = manifest?.reference.label
  if (label !== undefined && label.counts.length === classes.length && live.posts > 0) {
    outcomes.push(
      fitOf(
        'fit.class',
        label.counts,
        classes.map((name) => live.classes[name] ?? 0),
      ),
    )
  }
  return outcomes
}

function fitOf(statistic: string, reference: readonly number[], live: readonly number[]): Outcome {
  const [n, m] = [reference, live].map((counts) => counts.reduce((sum, count) => sum + count, 0)) as [number, number]
  const moved = live.reduce((sum, count, at) => sum + Math.abs(count / m - (reference[at] ?? 0) / n), 0) / 2
  return {
    segment: '',
    about: 'posts',
    statistic,
    value: m === 0 || n === 0 ? 0 : psi(reference, live),
    p: undefined,
    effect: moved,
    smallestEffect: poorFit,
    thresholdAt: () => poorFit,
    decides: false,
    referenceRows: n,
    liveRows: m,
    sentence: `${(moved * 100).toFixed(0)} % of the posts lie elsewhere than those that the version was made with`,
  }
}

const sameEdges = (edges: readonly number[]): boolean =>
  edges.length === confidenceEdges.length &&
  edges.every((edge, at) => Math.abs(edge - (confidenceEdges[at] ?? -1)) < 1e-9)
