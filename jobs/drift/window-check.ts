import type { DriftCheckRow, Verdict } from '../../clickhouse/rows/drift.ts'
import type { Clock } from '../../core/clock.ts'
import type { Documents } from '../../models/registry/documents.ts'
import type { Manifest } from '../../models/registry/manifest.ts'
import { type BaselineDocument, baselineOf } from './baseline.ts'
import { type CheckDetails, type CheckResult, type StatisticDetails, verdictRow } from './check-result.ts'
import { shiftModel } from './domain-classifier.ts'
import { estimateAccuracy } from './estimate.ts'
import { movedCounts, movedWords } from './explain.ts'
import { fitOutcomes } from './fit.ts'
import { type Budget, type Judged, judge, overall, significance } from './judge.ts'
import { fewestToCalibrate, measure } from './labelled.ts'
import { judgeWindow, liveStretches } from './lasting.ts'
import { grouped } from './outcome.ts'
import { type Live, type Reference, referenceOf, type Segment } from './reference.ts'
import { driftChecksIn } from './schedule.ts'
import type { DriftSettings } from './settings.ts'
import type { ScoredStream, Stretch } from './stream.ts'
import { type Summary, sumOf } from './summary.ts'

/** The model version that is checked. */
export interface Checked {
  readonly name: string
  readonly version: number
  /** In the order of its probabilities. */
  readonly classes: readonly string[]
  readonly manifest: Manifest | undefined
}

/** The window of an earlier check, so that the same posts are not judged twice. */
export interface Before {
  readonly window: Stretch
  readonly labels: number
}

export interface WindowCheckOptions {
  readonly checkId: string
  readonly stream: ScoredStream
  readonly documents: Documents
  readonly model: Checked
  readonly settings: DriftSettings
  readonly clock: Clock
  /** The last check of this version. */
  readonly before: Before | undefined
  readonly references: ReferenceCache
}

/** Posts of a sample: more tell finer differences of words, and each is some 200 bytes in memory. */
const sampledPosts = 20_000
/** Labels come hours after their posts, when the window has moved on: the newest so many are looked at, however old. */
const recentLabels = 500
const baselineLabels = 20_000
/** A segment with fewer posts than this, in the window or in the baseline, is left to the whole. */
const segmentPosts = { live: 100, baseline: 500 } as const
/** A segment that is nearly everything says what everything says. */
const wholeShare = 0.9

/** Derived once per baseline, and again when labels of its posts arrive. */
export interface ReferenceCache {
  get(key: string, make: () => Reference): Reference
}

export function referenceCache(): ReferenceCache {
  let last: { readonly key: string; readonly reference: Reference } | undefined
  return {
    get(key, make) {
      if (last?.key !== key) last = { key, reference: make() }
      return last.reference
    },
  }
}

/** One check of the newest window of a version: reads, compares, judges, explains. Stores nothing but a new baseline. */
export async function checkWindow(options: WindowCheckOptions): Promise<CheckResult> {
  const { stream, documents, model, settings, clock, before } = options
  const nowMs = clock.now()
  const { last, posts } = await stream.extent({ from: 0, to: nowMs - settings.latenessMs })
  const until = posts === 0 ? 0 : last + 1
  const baseline = await baselineOf(stream, documents, model, settings, until, nowMs)
  if (baseline.state === 'collecting') {
    const details = bare('collecting', baseline.headline, {
      posts: baseline.posts,
      wanted: settings.baselinePosts,
      from: baseline.from,
      to: baseline.to,
    })
    return result(options, nowMs, { from: baseline.from, to: baseline.to }, [], 'ok', details, 0)
  }
  const { document } = baseline
  const known = described(document, settings)
  const window = await windowOf(stream, document.to, until, settings)
  const labelledStretch = { from: document.to, to: window.to }
  const labelled = window.to > document.to ? await stream.labelled(labelledStretch, recentLabels) : []
  const extent = await stream.extent(window)
  if (extent.posts < settings.minPosts) {
    const headline = `too few posts since the baseline: ${grouped(extent.posts)} of ${grouped(settings.minPosts)}`
    return result(
      options,
      nowMs,
      window,
      [],
      'ok',
      bare('too-few-posts', headline, known),
      labelled.length,
      extent.posts,
    )
  }
  if (before !== undefined && before.window.to === window.to && before.labels === labelled.length) {
    const headline = `no new posts since ${new Date(window.to).toISOString()}`
    return result(options, nowMs, window, [], 'ok', bare('no-posts', headline, known), labelled.length)
  }
  const reference = await readReference(options, document)
  const live = await readLive(stream, window, labelled, reference, settings.segments)
  return judged(options, nowMs, window, reference, live, known)
}

/** The newest `windowMs`, longer where they hold too few posts, never reaching into the baseline. */
async function windowOf(stream: ScoredStream, floor: number, until: number, settings: DriftSettings): Promise<Stretch> {
  const to = Math.max(floor, until)
  const from = Math.max(floor, to - settings.windowMs)
  if ((await stream.extent({ from, to })).posts >= settings.minPosts) return { from, to }
  return { from: (await stream.nthLast({ from: floor, to }, settings.minPosts)) ?? floor, to }
}

async function readReference(
  { stream, model, references }: WindowCheckOptions,
  document: BaselineDocument,
): Promise<Reference> {
  const labelled = await stream.labelled(document, baselineLabels)
  const key = [model.name, model.version, document.from, document.to, labelled.length].join(' ')
  const segments = await stream.summaries(document, document.edges)
  const sample = await stream.sample(document, document.edges, sampledPosts)
  return references.get(key, () => referenceOf({ segments, sample, labelled, classes: model.classes }))
}

async function readLive(
  stream: ScoredStream,
  window: Stretch,
  labelled: Live['labelled'],
  reference: Reference,
  most: number,
): Promise<Live> {
  const edges = await stream.edges(window, liveStretches)
  const stretches = await stream.summaries(window, edges)
  const segments = new Map([...stretches].map(([segment, parts]) => [segment, sumOf(parts)]))
  return {
    segments: chosen(segments, reference, most),
    stretches,
    sample: await stream.sample(window, edges, sampledPosts),
    labelled,
  }
}

/** Everything, and the largest sources and languages that are neither too small nor nearly everything. */
function chosen(
  segments: ReadonlyMap<Segment, Summary>,
  reference: Reference,
  most: number,
): ReadonlyMap<Segment, Summary> {
  const whole = segments.get('')?.posts ?? 0
  const parts = [...segments].filter(([segment, { posts }]) => {
    const known = sumOf(reference.segments.get(segment) ?? []).posts
    return segment !== '' && posts >= segmentPosts.live && posts < wholeShare * whole && known >= segmentPosts.baseline
  })
  parts.sort(([, a], [, b]) => b.posts - a.posts)
  return new Map([...[...segments].filter(([segment]) => segment === ''), ...parts.slice(0, most)])
}

function judged(
  options: WindowCheckOptions,
  nowMs: number,
  window: Stretch,
  reference: Reference,
  live: Live,
  known: NonNullable<CheckDetails['baseline']>,
): CheckResult {
  const { settings, model } = options
  const budget: Budget = {
    alarms: settings.alarms,
    days: settings.alarmDays,
    checks: driftChecksIn(settings.schedule, settings.alarmDays, nowMs),
  }
  const alpha = significance(budget)
  const { statistics, bursts } = judgeWindow(reference, live, settings.smallest, alpha)
  const verdict = overall(statistics)
  const reasons = statistics
    .filter((one) => one.outcome.decides && one.verdict !== 'ok')
    .sort((a, b) => (a.adjusted ?? 1) - (b.adjusted ?? 1))
  const [before, now] = [sumOf(reference.segments.get('') ?? []), live.segments.get('')]
  const samples = { reference: reference.sample, live: live.sample }
  const shift = shiftModel(reference.sample, live.sample) ?? null
  const measured = measure(live.labelled)
  const estimated = estimateAccuracy(reference, live.sample) ?? null
  const details: CheckDetails = {
    schema: 1,
    state: 'checked',
    headline: headlineOf(verdict, reasons, bursts, now?.posts ?? 0),
    reasons: reasons.map((reason) => ({
      segment: reason.outcome.segment,
      statistic: reason.outcome.statistic,
      verdict: reason.verdict,
      sentence: told(reason),
    })),
    baseline: known,
    budget: { ...budget, alpha, tests: statistics.filter(({ outcome }) => outcome.decides).length },
    estimated,
    estimateNote: estimated === null ? noCalibrator(reference) : '',
    measured:
      measured === undefined
        ? null
        : { value: measured.estimate, low: measured.low, high: measured.high, labels: measured.answers },
    estimateFailed: reasons.some(({ outcome, verdict: of }) => outcome.statistic === 'estimate.gap' && of === 'drift'),
    moved: {
      ...movedWords(reference.sample, live.sample, shift ?? undefined),
      sources: movedCounts(before.sources, now?.sources ?? {}, samples, ({ source }) => source),
      languages: movedCounts(before.languages, now?.languages ?? {}, samples, ({ lang }) => lang),
      classes: movedCounts(before.classes, now?.classes ?? {}, samples, ({ label }) => label),
    },
    shift,
  }
  const fit = judge(now === undefined ? [] : fitOutcomes(model.manifest, model.classes, now), alpha)
  return result(options, nowMs, window, [...statistics, ...fit], verdict, details, live.labelled.length, now?.posts)
}

const noCalibrator = ({ labelled }: Reference): string =>
  `not known how far its confidence can be trusted: ${grouped(labelled.length)} posts of the baseline have a label, and ${fewestToCalibrate} are needed`

function headlineOf(verdict: Verdict, reasons: readonly Judged[], bursts: readonly Judged[], posts: number): string {
  const none = `no drift in ${grouped(posts)} posts`
  const [first, burst] = [reasons[0], bursts[0]]
  if (first === undefined) return burst === undefined ? none : `${none}, but a burst: ${told(burst)}`
  const more = reasons.length > 1 ? `, and ${reasons.length - 1} more` : ''
  return `${verdict}: ${told(first)}${more}`
}

const told = ({ outcome: { segment, sentence } }: Judged): string =>
  segment === '' ? sentence : `${segment}: ${sentence}`

const described = (document: BaselineDocument, { baselinePosts }: DriftSettings) => ({
  posts: document.posts,
  wanted: baselinePosts,
  from: document.from,
  to: document.to,
})

function bare(state: CheckDetails['state'], headline: string, baseline: CheckDetails['baseline']): CheckDetails {
  const moved = { words: [], hashtags: [], sources: [], languages: [], classes: [] }
  return {
    schema: 1,
    state,
    headline,
    reasons: [],
    baseline,
    budget: null,
    estimated: null,
    estimateNote: '',
    measured: null,
    estimateFailed: false,
    moved,
    shift: null,
  }
}

function result(
  { checkId, model }: WindowCheckOptions,
  checkedAt: number,
  window: Stretch,
  statistics: readonly Judged[],
  verdict: Verdict,
  details: CheckDetails,
  labelled: number,
  livePosts = 0,
): CheckResult {
  const common = {
    check_id: checkId,
    checked_at: checkedAt,
    window_from: window.from,
    window_to: window.to,
    model_name: model.name,
    model_version: model.version,
  }
  const strongest = statistics.reduce((least, { adjusted = 1 }) => Math.min(least, adjusted), 1)
  const verdictOf: DriftCheckRow = {
    ...common,
    ...verdictRow,
    value: strongest,
    threshold: details.budget?.alpha ?? 0,
    p_value: statistics.length > 0 ? strongest : null,
    effect: statistics.reduce((most, one) => (one.verdict === 'ok' ? most : Math.max(most, one.outcome.effect)), 0),
    reference_rows: details.baseline?.posts ?? 0,
    live_rows: livePosts,
    verdict,
    details: JSON.stringify(details),
  }
  const rows = statistics.map(({ outcome, threshold, verdict: of }): DriftCheckRow => {
    const spoken: StatisticDetails = { sentence: outcome.sentence, decides: outcome.decides }
    return {
      ...common,
      segment: outcome.segment,
      statistic: outcome.statistic,
      value: stored(outcome.value),
      threshold: stored(threshold),
      p_value: outcome.p ?? null,
      effect: stored(outcome.effect),
      reference_rows: Math.round(outcome.referenceRows),
      live_rows: Math.round(outcome.liveRows),
      verdict: of,
      details: JSON.stringify(spoken),
    }
  })
  return {
    checkId,
    checkedAt,
    window,
    modelName: model.name,
    modelVersion: model.version,
    verdict,
    rows: [verdictOf, ...rows],
    labelled,
  }
}

/** JSON has no infinity: a threshold that nothing can reach is stored as a number that nothing reaches. */
const unreachable = 1e12
const stored = (value: number): number => Math.max(-unreachable, Math.min(unreachable, value))
