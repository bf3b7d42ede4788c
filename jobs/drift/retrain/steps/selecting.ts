import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { select } from '../../../../clickhouse/queries.ts'
import { seededRandom } from '../../../../core/random.ts'
import { type Step, withClient } from '../context.ts'
import { selectData } from '../select-data.ts'
import { jobFiles, writePosts } from '../trainer/job.ts'

const hourMs = 3_600_000
/** Labels read for each post that may be trained on: the rest is held out, golden or left out. */
const readFor = 4

/** Cuts the labelled posts into files. Done twice it writes the same, unless labels came in between. */
export const selecting: Step = async (context) => {
  const { config, registry, name, now, folder, signal } = context
  const champion = await registry.open(name, now.champion)
  const rows = await withClient(context, (client) => {
    const window = { from_ms: 0, to_ms: Date.UTC(2200, 0, 1), most: config.retrainMaxPosts * readFor }
    return select(client, 'retraining_labels', window, signal)
  })
  const posts = rows.map(({ post_id, event_at_ms, selection_probability, ...rest }) => ({
    ...rest,
    id: post_id,
    atMs: event_at_ms,
    selectionProbability: Math.max(selection_probability, Number.EPSILON),
  }))
  const settings = {
    labels: champion.labels,
    recentMs: config.retrainRecentHours * hourMs,
    holdOut: config.retrainHoldOut,
    replay: config.retrainReplay,
    mostPosts: config.retrainMaxPosts,
    keepGolden: config.goldenSet === undefined,
    meaningChanged: now.meaningChanged,
  }
  const selected = selectData(posts, settings, seededRandom(now.seed))
  if ('refused' in selected) return { to: 'refused', reason: selected.refused }
  const { train, heldOut, golden, facts } = selected
  await mkdir(folder, { recursive: true })
  await writePosts(join(folder, jobFiles.heldOut), heldOut)
  await writePosts(join(folder, jobFiles.golden), golden)
  await writePosts(join(folder, jobFiles.posts), [...train, ...heldOut])
  const reason = `${facts.train} posts to train on, ${facts.replayed} of them older ones, and ${facts.heldOut} held out`
  return { to: 'training', reason, patch: { data: facts } }
}
