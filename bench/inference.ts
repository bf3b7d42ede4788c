import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { silentLog } from '../core/log.ts'
import { createScorer } from '../inference/create-scorer.ts'
import { scoreChunk } from '../inference/score-chunk.ts'
import { openSession } from '../inference/session.ts'
import { loadModelDirectory, type ModelDirectory } from '../models/model-directory.ts'
import { normaliseSocial1 } from '../text/normalise.ts'
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts'
import { inTemporaryFolder, numbers, readOptions } from './frame.ts'
import { machine } from './machine.ts'
import { makeModel } from './make-model.ts'
import { syntheticPosts } from './synthetic-posts.ts'

const usage = `npm run bench -- inference [options]
  --posts <file>    posts to measure with, JSON Lines with a field text, .gz or not (default: synthetic ones)
  --count <n>       posts of a round, each round's other ones, so that a cache meets new words (default 20000)
  --rounds <n>      rounds of each measurement after one to warm up; the median counts (default 5)
  --workers <list>  threads of the whole scorer (default 1,2,4)
  --tokens <n>      most tokens of a run, padding included (default 512)
  --model <dir>     a model directory instead of the bag and the 2 × 128 int8 encoder made on the spot
  --json            print JSON`

/** One row of the result. Rates are posts a second. */
interface Measured {
  readonly what: string
  readonly postsPerSecond: number
  /** Microseconds of processor time of all threads, for one post. */
  readonly cpuUsPerPost: number
  /** The part of it that the main thread was busy, for the whole scorer. */
  readonly mainUsPerPost?: number
}

export async function inference(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    posts: undefined,
    count: 20_000,
    rounds: 5,
    workers: '1,2,4',
    tokens: 512,
    model: undefined,
    json: false,
  })
  if (options === undefined) return 0
  const { count, rounds, tokens: batchTokens, json } = options
  const workers = numbers(options.workers)
  const needed = count * (rounds + 1)
  const texts = options.posts === undefined ? syntheticPosts(needed, 1) : await readPosts(options.posts, needed)
  const parts = Array.from({ length: rounds + 1 }, (_, index) => texts.slice(index * count, (index + 1) * count))
  if (parts.some((part) => part.length < count)) throw new Error(`${texts.length} posts are too few for ${needed}`)
  return inTemporaryFolder(async (folder) => {
    const models =
      options.model === undefined
        ? [await makeModel(folder, 'bag', texts, false), await makeModel(folder, 'transformer', texts, true)]
        : [await loadModelDirectory(options.model)]
    const results: Measured[] = []
    const measure: Measure = async (what, over, round, isScorer = false) => {
      const result = await measured(what, over, round, isScorer)
      results.push(result)
      if (!json) process.stdout.write(`${row(result)}\n`)
    }
    if (!json) process.stdout.write(`${header(texts)}\n`)
    for (const model of models) await measureModel(model, parts, { workers, batchTokens }, measure)
    if (json) {
      process.stdout.write(`${JSON.stringify({ machine: machine(), posts: count, rounds, results }, null, 2)}\n`)
    }
    return 0
  })
}

/** One part of the posts for the warm-up and one for each round. */
type Parts = readonly (readonly string[])[]
type Round = (texts: readonly string[]) => unknown | Promise<unknown>
type Measure = (what: string, parts: Parts, round: Round, isScorer?: boolean) => Promise<void>

/** Each stage on one thread, then the whole scorer on several. */
async function measureModel(
  directory: ModelDirectory,
  parts: Parts,
  options: { readonly workers: readonly number[]; readonly batchTokens: number },
  measure: Measure,
): Promise<void> {
  const { name, text } = directory.manifest
  const { maxTokens } = text
  const normalised = parts.map((part) => part.map(normaliseSocial1))
  const cached = createTokenizer(directory.tokenizer, directory.tokenizerConfig)
  const library = createTokenizer(directory.tokenizer, directory.tokenizerConfig, { path: 'library' })
  const encodeAll =
    (tokenizer: Tokenizer): Round =>
    (texts) => {
      for (const post of texts) tokenizer.encode(post, maxTokens)
    }
  await measure(`${name}: normalise`, parts, (texts) => {
    for (const post of texts) normaliseSocial1(post)
  })
  await measure(`${name}: tokenise, library`, normalised, encodeAll(library))
  await measure(`${name}: tokenise, ${cached.path}`, normalised, encodeAll(cached))

  const session = await openSession({ file: 'model.onnx', onnx: directory.onnx, provider: 'cpu', padId: cached.padId })
  const encoded = new Map(normalised.flat().map((post) => [post, cached.encode(post, maxTokens)]))
  const chunkOptions = {
    normalise: (post: string) => post,
    tokenizer: { ...cached, encode: (post: string) => encoded.get(post) ?? cached.encode(post, maxTokens) },
    maxTokens,
    classes: directory.labels.length,
    batchTokens: options.batchTokens,
    run: session.run,
    nowUs: () => performance.now() * 1000,
    stopped: () => false,
  }
  await measure(`${name}: sort, run, softmax, 1 thread`, normalised, async (texts) => {
    for (let at = 0; at < texts.length; at += 256) await scoreChunk(texts.slice(at, at + 256), chunkOptions)
  })
  await session.release()

  for (const workers of options.workers) {
    const scorer = await createScorer({
      directory,
      device: 'cpu',
      workers,
      batchTokens: options.batchTokens,
      log: silentLog,
    })
    try {
      const threads = workers === 1 ? '1 thread' : `${workers} threads`
      await measure(`${name}: whole scorer, ${threads}`, parts, (texts) => scoreAll(texts, scorer.score), true)
    } finally {
      await scorer[Symbol.asyncDispose]()
    }
  }
}

/** Four calls of 2,048 posts in flight, as a job with four partitions has. */
async function scoreAll(
  texts: readonly string[],
  score: (texts: readonly string[]) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const partition = async () => {
    while (next < texts.length) {
      const from = next
      next += 2048
      await score(texts.slice(from, next))
    }
  }
  await Promise.all([partition(), partition(), partition(), partition()])
}

async function measured(what: string, parts: Parts, round: Round, isScorer: boolean): Promise<Measured> {
  const [warmUp = [], ...rounds] = parts
  await round(warmUp)
  const samples: { ms: number; cpuUs: number; mainUs: number }[] = []
  for (const texts of rounds) {
    const [cpu, loop, start] = [process.cpuUsage(), performance.eventLoopUtilization(), performance.now()]
    await round(texts)
    const ms = performance.now() - start
    const { user, system } = process.cpuUsage(cpu)
    samples.push({ ms, cpuUs: user + system, mainUs: performance.eventLoopUtilization(loop).active * 1000 })
  }
  const posts = warmUp.length
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
  return {
    what,
    postsPerSecond: (posts / median(samples.map(({ ms }) => ms))) * 1000,
    cpuUsPerPost: median(samples.map(({ cpuUs }) => cpuUs)) / posts,
    ...(isScorer ? { mainUsPerPost: median(samples.map(({ mainUs }) => mainUs)) / posts } : {}),
  }
}

async function readPosts(file: string, count: number): Promise<string[]> {
  const bytes = await readFile(file)
  const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split('\n', count)
  const Line = z.object({ text: z.string() })
  return lines.filter((line) => line !== '').map((line) => Line.parse(JSON.parse(line)).text)
}

const header = (texts: readonly string[]): string => {
  const length = texts.reduce((sum, text) => sum + text.length, 0) / texts.length
  return `${machine()}; ${texts.length} posts of ${length.toFixed(0)} characters\n${'posts/s'.padStart(54)} ${'CPU µs/post'.padStart(12)} ${'main µs/post'.padStart(13)}`
}

const row = ({ what, postsPerSecond, cpuUsPerPost, mainUsPerPost }: Measured): string => {
  const main = mainUsPerPost === undefined ? '' : mainUsPerPost.toFixed(1)
  const rate = Math.round(postsPerSecond).toLocaleString('en')
  return `${what.padEnd(42)} ${rate.padStart(11)} ${cpuUsPerPost.toFixed(1).padStart(12)} ${main.padStart(13)}`
}
