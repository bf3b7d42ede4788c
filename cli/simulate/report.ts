import type { QueryRow } from '../../clickhouse/queries.ts'
import { mcnemar } from '../../stats/mcnemar.ts'
import { wilson } from '../../stats/wilson.ts'

export type SimulatedPost = QueryRow<'simulated_posts'>
export type SimulatedStep = QueryRow<'simulated_steps'>

export interface SimulatedCheck {
  readonly checkedAt: number
  /** Event time up to which the check looked. */
  readonly windowTo: number
  readonly verdict: 'ok' | 'warning' | 'drift'
  readonly headline: string
  readonly compared: boolean
}

export interface Facts {
  /** When the first post after the change was written; `undefined` when nothing changed. */
  readonly changedAt: number | undefined
  readonly posts: readonly SimulatedPost[]
  readonly checks: readonly SimulatedCheck[]
  readonly steps: readonly SimulatedStep[]
}

/** Share of right answers, with Wilson's 95 % interval. */
export interface Accuracy {
  readonly posts: number
  readonly value: number
  readonly low: number
  readonly high: number
}

export interface Outcome {
  readonly falseAlarms: { readonly checks: number; readonly alarms: number }
  readonly detection:
    | { readonly posts: number; readonly checks: number; readonly seconds: number; readonly headline: string }
    | undefined
  readonly labels: { readonly spent: number; readonly share: number }
  readonly retrainings: readonly {
    readonly id: string
    readonly version: number
    readonly end: string
    readonly reason: string
    readonly gatesFailed: readonly string[]
  }[]
  readonly promoted:
    | { readonly version: number; readonly posts: number; readonly seconds: number; readonly at: number }
    | undefined
  readonly accuracy: {
    readonly before: Accuracy | undefined
    /** From the change to the new champion, or to the end. */
    readonly during: Accuracy | undefined
    readonly after: Accuracy | undefined
  }
}

/** What happened in a replay, from what the jobs wrote down. Pure. */
export function outcomeOf({ changedAt, posts, checks, steps }: Facts): Outcome {
  const change = changedAt ?? Number.POSITIVE_INFINITY
  const compared = checks.filter((check) => check.compared)
  const [calm, since] = [
    compared.filter(({ windowTo }) => windowTo <= change),
    compared.filter(({ windowTo }) => windowTo > change).sort((a, b) => a.checkedAt - b.checkedAt),
  ]
  const seen = since.findIndex(({ verdict }) => verdict === 'drift')
  const first = since[seen]
  const promotion = steps.find(({ state }) => state === 'promoted')
  const until = promotion?.at_ms ?? Number.POSITIVE_INFINITY
  const written = (from: number, to: number) =>
    posts.filter(({ event_at_ms }) => event_at_ms >= from && event_at_ms < to)
  const spent = posts.filter(({ labelled }) => labelled).length
  return {
    falseAlarms: { checks: calm.length, alarms: calm.filter(({ verdict }) => verdict === 'drift').length },
    detection:
      first === undefined
        ? undefined
        : {
            posts: written(change, first.windowTo).length,
            checks: seen + 1,
            seconds: (first.checkedAt - change) / 1000,
            headline: first.headline,
          },
    labels: { spent, share: posts.length === 0 ? 0 : spent / posts.length },
    retrainings: retrainingsOf(steps),
    promoted:
      promotion === undefined
        ? undefined
        : {
            version: promotion.to_version,
            posts: written(change, until).length,
            seconds: (until - change) / 1000,
            at: until,
          },
    accuracy: {
      before: accuracyOf(written(0, change)),
      during: accuracyOf(written(change, until).filter(({ model_version }) => model_version !== promotion?.to_version)),
      after:
        promotion &&
        accuracyOf(
          written(until, Number.POSITIVE_INFINITY).filter(
            ({ model_version }) => model_version === promotion.to_version,
          ),
        ),
    },
  }
}

function retrainingsOf(steps: readonly SimulatedStep[]): Outcome['retrainings'] {
  const last = new Map<string, SimulatedStep>()
  for (const step of steps) last.set(step.training_id, step)
  return [...last.values()].map((step) => ({
    id: step.training_id,
    version: step.to_version,
    end: step.state,
    reason: step.reason,
    gatesFailed: step.gates_failed,
  }))
}

function accuracyOf(posts: readonly SimulatedPost[]): Accuracy | undefined {
  const known = posts.filter(({ given_label }) => given_label !== '')
  if (known.length === 0) return undefined
  const right = known.filter(({ given_label, label }) => given_label === label).length
  return { posts: known.length, value: right / known.length, ...wilson(right, known.length) }
}

/** Posts that the new champion scored and that nobody labelled: neither training nor its gates have seen them. */
export const unseenBy = (version: number, sinceMs: number, posts: readonly SimulatedPost[]): readonly SimulatedPost[] =>
  posts.filter(
    ({ event_at_ms, given_label, labelled, model_version }) =>
      event_at_ms >= sinceMs && given_label !== '' && !labelled && model_version === version,
  )

/** Both versions on the same posts. */
export interface Paired {
  readonly posts: number
  readonly before: number
  readonly after: number
  /** McNemar's mid-p. */
  readonly p: number
}

export function paired(posts: readonly SimulatedPost[], old: readonly (string | undefined)[]): Paired | undefined {
  if (posts.length === 0) return undefined
  const wasRight = posts.map(({ given_label }, at) => old[at] === given_label)
  const isRight = posts.map(({ given_label, label }) => label === given_label)
  const share = (right: readonly boolean[]) => right.filter(Boolean).length / right.length
  return { posts: posts.length, before: share(wasRight), after: share(isRight), p: mcnemar(wasRight, isRight).midP }
}
