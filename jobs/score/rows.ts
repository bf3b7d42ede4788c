import type { LoggedRow } from '../../connectors/clickhouse.ts'
import type { LogRecord, TopicInfo } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { jsonOf } from '../../core/json.ts'
import type { Scored } from '../../inference/scorer.ts'
import { DeadPost, rawLimit } from '../../text/dead-post.ts'
import type { Post } from '../../text/post.ts'
import { signalsOf } from '../../text/signals.ts'
import type { Parsed } from './parse.ts'
import { type Routed, RoutedScoring } from './score-routed.ts'
import type { Shadows } from './shadows.ts'
import type { Lease, ModelSwitch } from './swap.ts'

/**
 * Scores a batch and turns each record into exactly one row: a score, or a dead post with its reason.
 *
 * @param models asked once per batch: what they say holds for all of it
 * @param shadows get the rows of a batch as soon as it is scored
 */
export function scoreBatch(
  models: Pick<ModelSwitch, 'begin'>,
  topic: TopicInfo,
  clock: Clock,
  shadows?: Pick<Shadows, 'offer'>,
) {
  const scoring = new RoutedScoring(clock)
  return async (batch: readonly Parsed[]): Promise<readonly LoggedRow[]> => {
    const [first] = batch
    if (first === undefined) return []
    const leases = models.begin(
      topic,
      batch.map(({ record }) => record),
    )
    const results = await scoreParts(batch, leases, scoring)
    const { partition, offset } = first.record
    const facts = { topic, batchId: `${topic.name}-${partition}-${offset}`, scoredAtMs: clock.now() }
    let next = 0
    const rows = batch.map(({ record, post }) => {
      if (post instanceof DriftlineError) return refusedRow(record, post, facts)
      const routed = results[next++]
      if (routed === undefined) throw new Error('a text has no result')
      return routed.result instanceof DriftlineError
        ? refusedRow(record, routed.result, facts)
        : scoreRow(record, post, routed.result, routed, facts)
    })
    for (const { lease, at } of partsOf(leases)) shadows?.offer(lease, partition, rows.slice(at, at + lease.records))
    return rows
  }
}

/** Leases of a batch, and where the records of each begin. */
function* partsOf(leases: readonly Lease[]): Generator<{ readonly lease: Lease; readonly at: number }> {
  let at = 0
  for (const lease of leases) {
    yield { lease, at }
    at += lease.records
  }
}

/** Results of the posts of a batch, in their order. */
async function scoreParts(
  batch: readonly Parsed[],
  leases: readonly Lease[],
  scoring: RoutedScoring,
): Promise<readonly Routed[]> {
  const parts = await Promise.all(
    [...partsOf(leases)].map(({ lease, at }) => {
      const posts = batch
        .slice(at, at + lease.records)
        .flatMap(({ post }) => (post instanceof DriftlineError ? [] : [post]))
      return Promise.all([scoring.score(posts, lease), lease.recorded]).finally(lease.end)
    }),
  )
  return parts.flatMap(([routed]) => routed)
}

interface BatchFacts {
  readonly topic: TopicInfo
  readonly batchId: string
  readonly scoredAtMs: number
}

function scoreRow(
  record: LogRecord,
  post: Post,
  scored: Scored,
  { model, stoodInFor }: Pick<Routed, 'model' | 'stoodInFor'>,
  facts: BatchFacts,
): LoggedRow {
  const { hashtags, counts } = signalsOf(post.text)
  const row = {
    post_id: post.id,
    event_at: post.createdAt,
    ingested_at: record.appendedAtMs,
    scored_at: facts.scoredAtMs,
    source: post.source,
    lang: post.lang ?? '',
    author: post.author ?? '',
    text: post.text,
    hashtags,
    given_label: post.label ?? '',
    meta: Object.fromEntries(Object.entries(post.meta ?? {}).map(([key, value]) => [key, String(value)])),
    label: scored.label,
    confidence: scored.confidence,
    probabilities: scored.probabilities,
    margin: scored.margin,
    tokens: scored.tokens,
    unknown_tokens: scored.unknownTokens,
    signals: counts,
    model_name: model.name,
    model_version: model.version,
    shadow: 0,
    stood_in_for: stoodInFor,
    ...positionOf(record, facts.topic),
    batch_id: facts.batchId,
    inference_us: Math.round(scored.inferenceUs),
  } as const
  return { table: 'scores', row }
}

function refusedRow(record: LogRecord, error: DriftlineError, { topic, scoredAtMs }: BatchFacts): LoggedRow {
  const row = {
    dead_at: scoredAtMs,
    stage: 'score',
    code: error.code,
    reason: error.message,
    origin: originOf(record, topic),
    raw_base64: Buffer.from(record.value.subarray(0, rawLimit)).toString('base64'),
    raw_bytes: record.value.length,
    ...positionOf(record, topic),
  }
  return { table: 'dead_posts', row }
}

/** A record of `<topic>.dead`, which ingest wrote, as a row; one that is no such record is kept as it came. */
export function deadRow(topic: TopicInfo, clock: Clock) {
  return (record: LogRecord): LoggedRow => {
    const position = positionOf(record, topic)
    const parsed = DeadPost.safeParse(jsonOf(record.value))
    if (!parsed.success) {
      const row = {
        dead_at: clock.now(),
        stage: 'score',
        code: 'POST_INVALID',
        reason: 'a record of the dead topic that ingest did not write',
        origin: originOf(record, topic),
        raw_base64: Buffer.from(record.value.subarray(0, rawLimit)).toString('base64'),
        raw_bytes: record.value.length,
        ...position,
      }
      return { table: 'dead_posts', row }
    }
    const { stage, code, reason, origin, raw, rawBytes, deadAt } = parsed.data
    const row = { dead_at: deadAt, stage, code, reason, origin, raw_base64: raw, raw_bytes: rawBytes, ...position }
    return { table: 'dead_posts', row }
  }
}

const positionOf = ({ partition, offset }: LogRecord, topic: TopicInfo) => ({
  topic: topic.name,
  topic_id: topic.id,
  partition,
  offset,
})

const originOf = ({ partition, offset }: LogRecord, topic: TopicInfo): string =>
  `topic ${topic.name} partition ${partition} offset ${offset}`
