import { expect, test } from 'vitest'
import { connectStore } from '../../clickhouse/client.ts'
import { scoreRows } from '../../clickhouse/testing/score-rows.ts'
import { testStore } from '../../clickhouse/testing/test-store.ts'
import { silentLog } from '../../core/log.ts'
import { liveStretches } from '../../jobs/drift/lasting.ts'
import { scoredStream } from '../../jobs/drift/stream.ts'
import { fineBlocks } from '../../jobs/drift/summary.ts'
import type { ScoredPost } from './scored-posts.ts'
import { baselineOf, liveOf } from './windows.ts'

const languages = ['en', 'en', 'de', '']
// Not a multiple of the blocks; scores as a model gives them, in single precision.
const rows = scoreRows(0, 1037).map((row, at) => ({
  ...row,
  lang: languages[at % 4] ?? '',
  tokens: 3 + (at % 11),
  confidence: Math.fround(((at * 37) % 997) / 997),
}))
const posts = rows.map(
  (
    { post_id: id, text, source, lang, label, confidence, probabilities, tokens, unknown_tokens: unknown },
    at,
  ): ScoredPost => ({
    ...{ id, text, source, lang, label, confidence, probabilities, tokens, unknown },
    ...{ truth: '', at, words: [] },
  }),
)

test('the bench counts a baseline and a window as ClickHouse does for the job', async () => {
  await using store = await testStore('drift_windows_test')
  const signal = new AbortController().signal
  const client = await connectStore(store.config, { signal, log: silentLog })
  try {
    await client.insert({ table: 'scores', values: rows, format: 'JSONEachRow' })
    const stream = scoredStream(client, { name: 'test', version: 1 }, signal)
    const { first, last } = await stream.extent({ from: 0, to: Number.MAX_SAFE_INTEGER })
    const stretch = { from: first, to: last + 1 }
    const inBlocks = async (blocks: number) => stream.summaries(stretch, await stream.edges(stretch, blocks))
    const baseline = baselineOf(posts, [], ['negative', 'neutral', 'positive'])
    expect(baseline.segments).toEqual(await inBlocks(fineBlocks))
    expect(liveOf(posts, [], baseline).stretches).toEqual(await inBlocks(liveStretches))
  } finally {
    await client.close()
  }
})
