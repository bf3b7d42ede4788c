import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'
import { type DemoDrift, demoRecord } from '../../connectors/demo.ts'
import { DriftlineError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { createScorer } from '../../inference/create-scorer.ts'
import { wordsOf } from '../../jobs/drift/words.ts'
import { loadDirectory } from '../../models/load-model.ts'
import { bundledModelPath } from '../../models/model-directory.ts'
import { signalsOf } from '../../text/signals.ts'

export interface RawPost {
  readonly id: string
  readonly text: string
  readonly source: string
  readonly lang: string
  /** '' when nobody knows. */
  readonly truth: string
  /** Epoch milliseconds; 0 when unknown. */
  readonly at: number
}

export interface ScoredPost extends RawPost {
  readonly label: string
  readonly confidence: number
  readonly probabilities: readonly number[]
  readonly tokens: number
  readonly unknown: number
  readonly words: readonly string[]
}

const Row = z.looseObject({
  id: z.string(),
  text: z.string().min(1),
  label: z.string().nullish(),
  lang: z.string().nullish(),
  ts: z.string().nullish(),
  domain: z.string().nullish(),
})

/** Posts of a JSON Lines file, gzip or not, in its order. */
export async function readPosts(path: string): Promise<readonly RawPost[]> {
  const file = createReadStream(path)
  const lines = createInterface({ input: path.endsWith('.gz') ? file.pipe(createGunzip()) : file })
  const posts: RawPost[] = []
  for await (const line of lines) {
    if (line === '') continue
    const { id, text, label, lang, ts, domain } = Row.parse(JSON.parse(line))
    const at = ts === null || ts === undefined ? 0 : Date.parse(ts)
    posts.push({ id, text, source: domain ?? 'file', lang: lang ?? '', truth: label ?? '', at })
  }
  return posts
}

const DemoPost = z.looseObject({
  id: z.string(),
  text: z.string(),
  source: z.string(),
  lang: z.string(),
  label: z.string(),
})

/** Posts of the demo stream, from the first one on. */
export const demoPosts = (count: number, seed: number, drift?: DemoDrift): readonly RawPost[] =>
  Array.from({ length: count }, (_, n) => {
    const record = demoRecord(n, { seed, rate: 1, ...(drift === undefined ? {} : { drift }) }, n)
    if (record.kind !== 'record') throw new Error('the demo stream makes records')
    const { id, text, source, lang, label } = DemoPost.parse(record.value)
    return { id, text, source, lang, truth: label, at: n }
  })

export interface ScoredPosts {
  readonly posts: readonly ScoredPost[]
  /** In the order of the probabilities. */
  readonly classes: readonly string[]
}

/** Scores posts with the bundled model, or another, as the score job does. */
export async function scored(raw: readonly RawPost[], path = bundledModelPath, workers = 2): Promise<ScoredPosts> {
  const directory = await loadDirectory(path)
  const scorer = await createScorer({ directory, device: 'cpu', workers, batchTokens: 512, log: silentLog })
  try {
    const posts: ScoredPost[] = []
    const chunk = 4096
    for (let first = 0; first < raw.length; first += chunk) {
      const part = raw.slice(first, first + chunk)
      const scores = await scorer.score(part.map(({ text }) => text))
      part.forEach((post, at) => {
        const score = scores[at]
        if (score === undefined || score instanceof DriftlineError) return
        const { label, confidence, probabilities, tokens, unknownTokens: unknown } = score
        const words = wordsOf(post.text, signalsOf(post.text).hashtags)
        posts.push({ ...post, label, confidence, probabilities, tokens, unknown, words })
      })
    }
    return { posts, classes: scorer.labels }
  } finally {
    await scorer[Symbol.asyncDispose]()
  }
}
