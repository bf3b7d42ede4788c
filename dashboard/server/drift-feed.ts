import type { QueryRow } from '../../clickhouse/queries.ts'
import type { Clock } from '../../core/clock.ts'
import { jsonOf } from '../../core/json.ts'
import { CheckDetails, StatisticDetails } from '../../jobs/drift/check-result.ts'
import { weightedAccuracy } from '../../stats/weighted-accuracy.ts'
import type { CheckReport, CheckSummary, DriftPage, Moved, Statistic } from '../drift-api.ts'
import { remembered } from './remembered.ts'
import type { StoreSession } from './store-session.ts'

/** What the drift page shows. */
export interface DriftFeed {
  /**
   * @param checkId '' for the newest check
   * @throws DriftlineError `STORE_UNAVAILABLE`
   */
  page(checkId: string): Promise<DriftPage>
}

/** Checks shown: two days of hourly ones. */
const shownChecks = 48
/** Statistics whose course is drawn: more than there are that decide. */
const shownStatistics = 12
/** A page is at most this old, in milliseconds: checks come far more rarely. */
const freshMs = 2_000

export function clickhouseDriftFeed(session: StoreSession, clock: Clock): DriftFeed {
  const pages = remembered(clock, freshMs, (checkId) => read(session, clock, checkId))
  return { page: (checkId) => pages.get(checkId) }
}

async function read(session: StoreSession, clock: Clock, checkId: string): Promise<DriftPage> {
  const checks = await session.select('page_checks', { rows: shownChecks })
  const chosen = checks.find(({ check_id }) => check_id === checkId) ?? checks[0]
  const atMs = clock.now()
  if (chosen === undefined) return { atMs, checks: [], report: null, history: [], accuracy: null }
  const [rows, history, labelled] = await Promise.all([
    session.select('page_check_rows', { check_id: chosen.check_id }),
    session.select('page_history', { check_ids: checks.map(({ check_id }) => check_id) }),
    session.select('labelled_scores', {
      model_name: chosen.model_name,
      model_version: chosen.model_version,
      from_ms: chosen.from_ms,
      to_ms: chosen.to_ms,
    }),
  ])
  return {
    atMs,
    checks: checks.map(summaryOf),
    report: reportOf(chosen, rows),
    history: courses(history),
    accuracy: accuracyOf(labelled),
  }
}

/** JSON of another version of the program may not be what we expect; the numbers of the row are shown all the same. */
const detailsOf = <T>(schema: { safeParse(value: unknown): { data?: T | undefined } }, text: string): T | undefined =>
  schema.safeParse(jsonOf(text)).data

function summaryOf(row: QueryRow<'page_checks'>): CheckSummary {
  const details = detailsOf(CheckDetails, row.details)
  return {
    id: row.check_id,
    atMs: row.checked_at_ms,
    fromMs: row.from_ms,
    toMs: row.to_ms,
    model: { name: row.model_name, version: row.model_version },
    verdict: row.verdict,
    state: details?.state ?? 'unreadable',
    headline: details?.headline ?? '',
    posts: row.live_rows,
    estimated: details?.estimated ?? null,
    estimateNote: details?.estimateNote ?? '',
    measured: details?.measured ?? null,
  }
}

function reportOf(check: QueryRow<'page_checks'>, rows: readonly QueryRow<'page_check_rows'>[]): CheckReport {
  const details = detailsOf(CheckDetails, check.details)
  const moved = (things: CheckDetails['moved'][keyof CheckDetails['moved']] = []): Moved[] =>
    things.map(({ name, reference, live, posts }) => ({ name, reference, live, posts }))
  return {
    id: check.check_id,
    reasons: (details?.reasons ?? []).map(({ segment, verdict, sentence }) => ({ segment, verdict, sentence })),
    estimateFailed: details?.estimateFailed ?? false,
    moved: {
      words: moved(details?.moved.words),
      hashtags: moved(details?.moved.hashtags),
      sources: moved(details?.moved.sources),
      languages: moved(details?.moved.languages),
      classes: moved(details?.moved.classes),
    },
    statistics: rows.map((row): Statistic => {
      const told = detailsOf(StatisticDetails, row.details)
      return {
        segment: row.segment,
        name: row.statistic,
        value: row.value,
        threshold: row.threshold,
        p: row.p_value,
        effect: row.effect,
        referencePosts: row.reference_rows,
        posts: row.live_rows,
        verdict: row.verdict,
        decides: told?.decides ?? true,
        sentence: told?.sentence ?? '',
      }
    }),
  }
}

function courses(rows: readonly QueryRow<'page_history'>[]): DriftPage['history'] {
  const byName = new Map<string, DriftPage['history'][number]['points']>()
  for (const { statistic, checked_at_ms: atMs, value, threshold, verdict } of rows) {
    const points = byName.get(statistic) ?? []
    byName.set(statistic, points)
    points.push({ atMs, value, threshold, verdict })
  }
  return [...byName].slice(0, shownStatistics).map(([name, points]) => ({ name, points }))
}

function accuracyOf(rows: readonly QueryRow<'labelled_scores'>[]): DriftPage['accuracy'] {
  const chosen = rows.filter((row) => row.selection_probability > 0)
  const found = weightedAccuracy(
    chosen.map(({ label, predicted }) => label === predicted),
    chosen.map((row) => row.selection_probability),
  )
  if (found === undefined) return null
  const { estimate: value, low, high, effectiveAnswers: effective } = found
  return { value, low, high, labels: chosen.length, effective }
}
