import { select } from '../../../../clickhouse/queries.ts'
import { DriftlineError } from '../../../../core/errors.ts'
import { createScorer } from '../../../../inference/create-scorer.ts'
import { type Step, type StepContext, withClient } from '../context.ts'
import { type WatchedAnswer, worse } from '../watch.ts'
import { byRetraining, candidateOf, movedTo } from './aliases.ts'
import { blocksSince } from './blocks.ts'

const minuteMs = 60_000
/** More labels than that decide no better. */
const mostLabels = 2000

/** Compares the new champion with what was expected of it and with the one before, and rolls it back when it does worse. */
export const watching: Step = async (context) => {
  const { config, registry, name, now, clock } = context
  const candidate = candidateOf(now)
  const overMs = config.watchMinutes * minuteMs
  const sinceMs = Date.parse(now.promotedAt ?? now.since)
  if ((await movedTo(registry, name, candidate)) === undefined) {
    const last = await registry.lastMove(name, 'champion')
    // Back to where it came from: by a process that was killed before it said so, or by a person.
    const back = last?.to === now.champion && last.from === candidate
    return back
      ? { to: 'rolled-back', reason: `rolled back by ${last.by}: ${last.reason}` }
      : { to: 'done', reason: `version ${last?.to ?? 'none'} became champion after it` }
  }
  if (now.expected !== null) {
    const blocks = await blocksSince(context, candidate, sinceMs, overMs)
    const answers = await watchedAnswers(context, candidate, sinceMs)
    const bounds = { margin: config.watchMargin, classShift: config.watchClassShift }
    const why = worse(blocks, answers, now.expected, bounds)
    if (why !== undefined) return rollBack(context, candidate, why)
  }
  if (clock.now() - sinceMs < overMs) return undefined
  return { to: 'done', reason: `version ${candidate} kept what it promised for ${config.watchMinutes} minutes` }
}

async function rollBack({ registry, name, now }: StepContext, candidate: number, why: string) {
  const reason = `retraining ${now.id}: ${why}`
  try {
    // It was champion before, so whatever was asked of it then holds.
    await registry.setAlias(name, 'champion', now.champion, {
      expected: candidate,
      by: byRetraining,
      reason,
      force: true,
    })
  } catch (error) {
    if (!(error instanceof DriftlineError && error.code === 'ALIAS_MOVED')) throw error
    return { to: 'done', reason: 'another version became champion while it was to be rolled back' } as const
  }
  return { to: 'rolled-back', reason: `version ${now.champion} is champion again: ${why}` } as const
}

/** What both versions say about the posts of the new champion that have got a label since, in the order of the labels. */
async function watchedAnswers(context: StepContext, candidate: number, sinceMs: number): Promise<WatchedAnswer[]> {
  const { name, now, signal, answered } = context
  const rows = await withClient(context, (client) => {
    const since = { model_name: name, model_version: candidate, from_ms: sinceMs, most: mostLabels }
    return select(client, 'labels_since', since, signal)
  })
  const known = answered.get(candidate) ?? new Map<string, { readonly is: string; readonly was: string }>()
  answered.set(candidate, known)
  const fresh = rows.filter(({ post_id }) => !known.has(post_id))
  if (fresh.length > 0) {
    const texts = fresh.map(({ text }) => text)
    const [is, was] = [await answersOf(context, candidate, texts), await answersOf(context, now.champion, texts)]
    fresh.forEach(({ post_id }, at) => {
      known.set(post_id, { is: is[at] ?? '', was: was[at] ?? '' })
    })
  }
  return rows.map(({ post_id, label, selection_probability }) => ({
    right: known.get(post_id)?.is === label,
    previousRight: known.get(post_id)?.was === label,
    selectionProbability: Math.max(selection_probability, Number.EPSILON),
  }))
}

/** Labels by one thread, '' where the version fails on the text. */
async function answersOf(context: StepContext, version: number, texts: readonly string[]): Promise<readonly string[]> {
  const { registry, name, config, log, signal } = context
  const directory = await registry.open(name, version)
  const { batchTokens } = config
  const scorer = await createScorer({ directory, device: 'cpu', workers: 1, batchTokens, priority: 'low', log, signal })
  try {
    return (await scorer.score(texts)).map((scored) => (scored instanceof DriftlineError ? '' : scored.label))
  } finally {
    await scorer[Symbol.asyncDispose]()
  }
}
