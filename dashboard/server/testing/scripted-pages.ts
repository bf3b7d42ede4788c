import type { AlertsPage, ShownAlert } from '../../alerts-api.ts'
import type { CheckSummary, DriftPage, Moved, Statistic } from '../../drift-api.ts'
import type { ModelsPage } from '../../models-api.ts'
import type { AlertsFeed } from '../alerts-feed.ts'
import type { DriftFeed } from '../drift-feed.ts'
import type { ModelsFeed } from '../models-feed.ts'

/** A feed that says what a test tells it to; an error is thrown instead. */
export class ScriptedDrift implements DriftFeed {
  next: DriftPage | Error = emptyDrift
  asked: string[] = []

  async page(checkId: string): Promise<DriftPage> {
    this.asked.push(checkId)
    if (this.next instanceof Error) throw this.next
    const { checks, report } = this.next
    const chosen = checks.find(({ id }) => id === checkId) ?? checks[0]
    return report === null || chosen === undefined ? this.next : { ...this.next, report: { ...report, id: chosen.id } }
  }
}

export class ScriptedModels implements ModelsFeed {
  next: ModelsPage | Error = { atMs: 0, models: [], swaps: [] }

  async page(): Promise<ModelsPage> {
    if (this.next instanceof Error) throw this.next
    return this.next
  }

  async gatesPage(name: string, version: number): Promise<string | undefined> {
    return name === 'sentiment' && version === 2
      ? '<!doctype html><title>gates</title><style>h1 { color: rgb(1, 2, 3) }</style><h1>passed</h1><script>document.title = "hacked"</script>'
      : undefined
  }
}

export class ScriptedAlerts implements AlertsFeed {
  next: AlertsPage | Error = { atMs: 0, alerts: [] }

  async page(): Promise<AlertsPage> {
    if (this.next instanceof Error) throw this.next
    return this.next
  }
}

/** One that fires and could not be told, one that is pending, one that was. */
export function sampleAlerts(atMs = Date.UTC(2026, 0, 2, 3)): AlertsPage {
  const alert = (id: string, over: Partial<ShownAlert>): ShownAlert => ({
    id,
    rule: 'drift',
    kind: 'drift',
    severity: 'critical',
    state: 'firing',
    group: 'model sentiment',
    startedAtMs: atMs - 90_000,
    firedAtMs: atMs - 60_000,
    resolvedAtMs: null,
    summary: 'sentiment version 1: drift: class mix and words have moved',
    tellings: [],
    ...over,
  })
  return {
    atMs,
    alerts: [
      alert('a', {
        tellings: [
          { event: 'firing', webhook: 'pager', outcome: 'retry', attempts: 3, reason: 'HTTP 503' },
          { event: 'firing', webhook: 'chat', outcome: 'delivered', attempts: 1, reason: '' },
        ],
      }),
      alert('b', {
        rule: 'scoring lags',
        kind: 'lag',
        severity: 'warning',
        state: 'pending',
        firedAtMs: null,
        summary: '812 posts of posts wait to be scored',
      }),
      alert('c', {
        rule: 'hashtag spikes',
        kind: 'spike',
        severity: 'info',
        state: 'resolved',
        resolvedAtMs: atMs - 30_000,
        summary: '312 posts of #<b>launch</b> in 10 min, 42.1 were expected',
      }),
    ],
  }
}

export const emptyDrift: DriftPage = { atMs: 0, checks: [], report: null, history: [], accuracy: null }

const hour = 3_600_000

/** Two days of hourly checks of which the last two see drift. */
export function sampleDrift(atMs = Date.UTC(2026, 0, 2, 3)): DriftPage {
  const checks = Array.from({ length: 24 }, (_, n): CheckSummary => {
    const verdict = n === 0 ? 'drift' : n === 1 ? 'warning' : 'ok'
    const value = n === 0 ? 0.71 : n === 1 ? 0.78 : 0.84
    return {
      id: `check-${24 - n}`,
      atMs: atMs - n * hour,
      fromMs: atMs - (n + 1) * hour,
      toMs: atMs - n * hour,
      model: { name: 'sentiment', version: 1 },
      verdict,
      state: 'checked',
      headline: verdict === 'ok' ? 'as before' : 'class mix and words have moved',
      posts: 12_000 + n,
      estimated: { value: 0.83, low: 0.81, high: 0.85 },
      estimateNote: '',
      measured: n % 2 === 0 ? { value, low: value - 0.06, high: value + 0.06, labels: 90 } : null,
    }
  })
  const statistic = (name: string, value: number, over: Partial<Statistic> = {}): Statistic => ({
    segment: '',
    name,
    value,
    threshold: 0.1,
    p: value > 0.1 ? 1e-9 : 0.4,
    effect: value,
    referencePosts: 5_000,
    posts: 12_000,
    verdict: value > 0.1 ? 'drift' : 'ok',
    decides: true,
    sentence: `${name} is ${value}`,
    ...over,
  })
  const moved = (name: string, reference: number, live: number): Moved => ({
    name,
    reference,
    live,
    posts: [{ id: `example of ${name}`, text: `An example post that says ${name} among other things.` }],
  })
  return {
    atMs,
    checks,
    report: {
      id: 'check-24',
      reasons: [
        { segment: '', verdict: 'drift', sentence: 'share of negative posts 24 % → 41 %' },
        { segment: 'source=file', verdict: 'warning', sentence: 'unknown tokens 3 % → 9 %' },
      ],
      estimateFailed: true,
      moved: {
        words: [moved('delayed', 0.01, 0.09), moved('strike', 0.001, 0.05), moved('coffee', 0.06, 0.01)],
        hashtags: [moved('strike', 0, 0.04)],
        sources: [moved('file', 0.2, 0.6)],
        languages: [],
        classes: [moved('negative', 0.24, 0.41)],
      },
      statistics: [
        statistic('classes.js', 0.21),
        statistic('confidence.ks', 0.05),
        statistic('unknown.rate', 0.12, { segment: 'source=file', verdict: 'warning' }),
        statistic('classes.psi', 0.3, { decides: false, verdict: 'ok' }),
      ],
    },
    history: ['classes.js', 'confidence.ks', 'unknown.rate'].map((name, row) => ({
      name,
      points: checks.toReversed().map(({ atMs: at, verdict }, n) => ({
        atMs: at,
        value: 0.04 + 0.02 * Math.sin(n + row) + (verdict === 'drift' ? 0.15 : 0),
        threshold: 0.1,
        verdict,
      })),
    })),
    accuracy: { value: 0.7, low: 0.63, high: 0.77, labels: 97, effective: 61.4 },
  }
}

const swap = {
  model: 'sentiment',
  from: 1,
  to: 2,
  partitions: 4,
  pauseMs: 0,
  loadMs: 812,
  by: 'drift',
  outcome: 'swapped',
  reason: 'passed all gates',
}

export function sampleModels(atMs = Date.UTC(2026, 0, 2, 3)): ModelsPage {
  const version = (n: number) => ({
    version: n,
    parent: n > 1 ? n - 1 : null,
    createdAt: new Date(atMs - (4 - n) * 24 * hour).toISOString(),
    bytes: 8_400_000,
    accuracy: 0.7 + n / 100,
    origin: n > 1 ? '1200 labels and 400 replayed posts, written 2025-12-01 to 2025-12-30' : '',
    aliases: n === 1 ? ['previous'] : n === 2 ? ['champion'] : [],
    gates: n === 1 ? null : { passed: n === 2, failed: n === 2 ? [] : ['slices', 'speed'], page: n === 2 },
  })
  return {
    atMs,
    models: [
      {
        name: 'sentiment',
        versions: [3, 2, 1].map(version),
        changes: [
          {
            at: new Date(atMs - hour).toISOString(),
            by: 'drift',
            alias: 'champion',
            from: 1,
            to: 2,
            reason: 'passed all gates',
            forced: false,
          },
        ],
        challengers: [
          { version: 3, mode: 'canary', share: 0.05, by: 'ada', reason: 'try it', since: new Date(atMs).toISOString() },
        ],
        ended: [{ version: 2, by: 'guard', reason: 'class mix moved by 0.2', at: new Date(atMs - hour).toISOString() }],
        training: {
          state: 'training',
          active: true,
          reason: 'check-24 saw drift, and 412 labels are there',
          by: 'drift',
          startedAt: new Date(atMs - 60_000).toISOString(),
          since: new Date(atMs - 30_000).toISOString(),
          champion: 2,
          candidate: null,
          data: { train: 1600, replayed: 400, heldOut: 300 },
          phase: 'training',
          done: 0.42,
          remainingMs: 41_000,
        },
      },
    ],
    swaps: [
      { ...swap, atMs: atMs - hour + 100, outcome: 'took_over', pauseMs: 0.4 },
      { ...swap, atMs: atMs - hour, outcome: 'canary_ended', from: 2 },
      { ...swap, atMs: atMs - hour },
    ],
  }
}
