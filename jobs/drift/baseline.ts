import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import { type Documents, readDocument } from '../../models/registry/documents.ts'
import type { DriftSettings } from './settings.ts'
import type { ScoredStream } from './stream.ts'
import { fineBlocks } from './summary.ts'

/**
 * Where the baseline of a version lies: the first posts that it scored, taken as normal. Written once, when there are enough.
 *
 * Why not the reference that a version brings along in its manifest: it was made on labelled posts of another domain, at
 * another time, and against it a stream differs from the first minute on; and it is one heap of posts, which cannot tell how
 * much neighbouring stretches of this stream differ anyhow, without which no promise about false alarms can be kept.
 */
export const BaselineDocument = z.strictObject({
  schema: z.literal(1),
  /** Event time, [from, to). */
  from: z.int(),
  to: z.int(),
  posts: z.int().positive(),
  /** Cuts of its blocks, ascending. */
  edges: z.array(z.int()),
  capturedAt: z.iso.datetime(),
})
export type BaselineDocument = z.infer<typeof BaselineDocument>

export type BaselineState =
  | { readonly state: 'ready'; readonly document: BaselineDocument }
  | {
      readonly state: 'collecting'
      readonly posts: number
      readonly from: number
      readonly to: number
      readonly headline: string
    }

const keyOf = (version: number): string => `baseline-${version}`

/**
 * The version's baseline; captured now if by now it has its posts and its length.
 *
 * @param until event time up to which posts are complete
 */
export async function baselineOf(
  stream: ScoredStream,
  documents: Documents,
  model: { readonly name: string; readonly version: number },
  settings: Pick<DriftSettings, 'baselinePosts' | 'baselineMs'>,
  until: number,
  nowMs: number,
): Promise<BaselineState> {
  const key = keyOf(model.version)
  const stored = await readDocument(documents, model.name, key, BaselineDocument)
  if (stored !== undefined) return { state: 'ready', document: stored.value }

  const { posts, first, last } = await stream.extent({ from: 0, to: until })
  const { baselinePosts, baselineMs } = settings
  const reached = posts < baselinePosts ? undefined : await stream.nthFirst(until, baselinePosts)
  const to = reached === undefined ? until : Math.max(reached + 1, first + baselineMs)
  if (reached === undefined || to > until) {
    const time = posts < baselinePosts ? '' : `, ${duration(last - first)} of ${duration(baselineMs)}`
    const headline = `collecting baseline: ${posts.toLocaleString('en-US')} of ${baselinePosts.toLocaleString('en-US')} posts${time}`
    return { state: 'collecting', posts, from: first, to: posts === 0 ? first : last + 1, headline }
  }
  const stretch = { from: first, to }
  const [extent, edges] = [await stream.extent(stretch), await stream.edges(stretch, fineBlocks)]
  const document: BaselineDocument = {
    schema: 1,
    ...stretch,
    posts: extent.posts,
    edges: [...edges],
    capturedAt: new Date(nowMs).toISOString(),
  }
  try {
    await documents.write(model.name, key, document, 0)
    return { state: 'ready', document }
  } catch (error) {
    if (!(error instanceof DriftlineError && error.code === 'DOCUMENT_MOVED')) throw error
    const other = await readDocument(documents, model.name, key, BaselineDocument) // somebody else was faster
    if (other === undefined) throw error
    return { state: 'ready', document: other.value }
  }
}

function duration(ms: number): string {
  const hours = ms / 3_600_000
  if (hours >= 1) return `${hours.toFixed(1)} h`
  return ms >= 60_000 ? `${(ms / 60_000).toFixed(1)} min` : `${Math.round(ms / 1000)} s`
}
