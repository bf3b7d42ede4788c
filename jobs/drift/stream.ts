import type { ClickHouseClient } from '@clickhouse/client'
import { type QueryRow, select } from '../../clickhouse/queries.ts'
import type { RatioSums } from '../../stats/dispersion.ts'
import type { Segment } from './reference.ts'
import { confidenceBins, type LabelledPost, type SampledPost, type Summary, sumOf } from './summary.ts'
import { wordsOf } from './words.ts'

/** Event time in epoch milliseconds, [from, to). */
export interface Stretch {
  readonly from: number
  readonly to: number
}

export interface Extent {
  readonly posts: number
  /** Event times of the first and the last post; 0 without any. */
  readonly first: number
  readonly last: number
}

/** The scored posts of one model version, by event time. Counts are made by ClickHouse; only samples come over. */
export interface ScoredStream {
  extent(stretch: Stretch): Promise<Extent>
  /** Event time of the `posts`-th of the first posts before `to`; `undefined` with fewer. */
  nthFirst(to: number, posts: number): Promise<number | undefined>
  /** Event time of the `posts`-th of the last posts of the stretch; `undefined` with fewer. */
  nthLast(stretch: Stretch, posts: number): Promise<number | undefined>
  /** Event times that cut a stretch into so many blocks of about equally many posts; fewer where posts share a moment. */
  edges(stretch: Stretch, blocks: number): Promise<readonly number[]>
  /** One summary per block and segment: '' and each source and language. */
  summaries(stretch: Stretch, edges: readonly number[]): Promise<ReadonlyMap<Segment, readonly Summary[]>>
  sample(stretch: Stretch, edges: readonly number[], posts: number): Promise<readonly SampledPost[]>
  /** The newest labelled posts of the stretch, of which is known how likely they were chosen. */
  labelled(stretch: Stretch, posts: number): Promise<readonly LabelledPost[]>
}

export function scoredStream(
  client: ClickHouseClient,
  model: { readonly name: string; readonly version: number },
  signal?: AbortSignal,
): ScoredStream {
  const version = { model_name: model.name, model_version: model.version }
  const within = ({ from, to }: Stretch) => ({ ...version, from_ms: from, to_ms: to })
  return {
    async extent(stretch) {
      const [row] = await select(client, 'drift_extent', within(stretch), signal)
      return { posts: row?.posts ?? 0, first: row?.first_ms ?? 0, last: row?.last_ms ?? 0 }
    },
    async nthFirst(to, posts) {
      const [row] = await select(client, 'drift_nth_first', { ...version, to_ms: to, posts }, signal)
      return row?.posts === posts ? row.at_ms : undefined
    },
    async nthLast(stretch, posts) {
      const [row] = await select(client, 'drift_nth_last', { ...within(stretch), posts }, signal)
      return row?.posts === posts ? row.at_ms : undefined
    },
    async edges(stretch, blocks) {
      const [row] = await select(client, 'drift_edges', { ...within(stretch), blocks }, signal)
      return [...new Set(row?.edges_ms ?? [])]
    },
    async summaries(stretch, edges) {
      const rows = await select(client, 'drift_summary', { ...within(stretch), edges_ms: edges }, signal)
      return bySegment(rows, edges.length + 1)
    },
    async sample(stretch, edges, posts) {
      const rows = await select(client, 'drift_sample', { ...within(stretch), edges_ms: edges, posts }, signal)
      return rows.map(({ post_id: id, unknown_tokens: unknown, hashtags, ...post }) => ({
        ...post,
        id,
        unknown,
        words: wordsOf(post.text, hashtags),
      }))
    },
    async labelled(stretch, posts) {
      const rows = await select(client, 'drift_labelled', { ...within(stretch), posts }, signal)
      return rows.flatMap(
        ({ post_id: id, unknown_tokens: unknown, selection_probability: selectionProbability, ...post }) =>
          selectionProbability > 0 ? [{ ...post, id, unknown, selectionProbability }] : [],
      )
    },
  }
}

type SummaryRow = QueryRow<'drift_summary'>

function bySegment(rows: readonly SummaryRow[], blocks: number): ReadonlyMap<Segment, readonly Summary[]> {
  const parts = new Map<Segment, Summary[][]>()
  for (const row of rows) {
    const summary = summaryOf(row)
    for (const segment of ['', `source=${row.source}`, `lang=${row.lang}`]) {
      const of = parts.get(segment) ?? Array.from({ length: blocks }, () => [])
      parts.set(segment, of)
      of[row.block]?.push(summary)
    }
  }
  return new Map([...parts].map(([segment, of]) => [segment, of.map(sumOf)]))
}

const summaryOf = (row: SummaryRow): Summary => ({
  posts: row.posts,
  confidence: Array.from({ length: confidenceBins }, (_, bin) => row.by_confidence[bin] ?? 0),
  classes: row.by_class,
  sources: { [row.source]: row.posts },
  languages: { [row.lang]: row.posts },
  unknown: unknownSums(row),
})

const unknownSums = (row: SummaryRow): RatioSums => ({
  posts: row.posts,
  numerator: row.all_unknown,
  denominator: row.all_tokens,
  squares: [row.unknown_squared, row.unknown_by_tokens, row.tokens_squared],
})
