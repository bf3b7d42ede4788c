import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Random, seededRandom } from '../core/random.ts'
import { compare } from '../jobs/drift/check.ts'
import { judge } from '../jobs/drift/judge.ts'
import { lasting } from '../jobs/drift/lasting.ts'
import { grouped, type Outcome } from '../jobs/drift/outcome.ts'
import { type Reference, referenceOf } from '../jobs/drift/reference.ts'
import { type Change, changesOf } from './drift/changes.ts'
import { type RawPost, readPosts, type ScoredPost, scored } from './drift/scored-posts.ts'
import { baselineOf, labelledOf, liveOf } from './drift/windows.ts'
import { smallest } from './drift-null.ts'
import { readOptions, WrongUse } from './frame.ts'

const usage = `npm run bench -- drift-power --data <file> --exchange <folder> [options]
How soon a change is noticed, by kind, strength and suddenness, beside Evidently and NannyML on the same windows.
The first run writes the windows to <folder>; then run the recipe of bench/peers/README.md; the second run reads what the
peers said and prints everything. Without the peers' answers it prints our own.
  --data <file>      a stream of real posts, JSON Lines, .gz or not: domain general is the stream, finance the new source
  --languages <file> posts in other languages, for the new language
  --exchange <dir>   where windows and answers lie
  --window <n>       posts of a window (default 1000)
  --baseline <n>     posts of the baseline (default 5000)
  --repeats <n>      streams of each change (default 3)
  --null <n>         windows without a change, by which false alarms are made equal (default 120)
  --most <n>         windows after which a change counts as missed (default 10)
  --labels <share>   of the posts that are labelled (default 0.1)
  --json             print JSON`

/** One stream: what happens in it, and its windows. */
interface Stream {
  readonly id: string
  readonly kind: string
  readonly strength: number
  readonly over: number
  readonly windows: readonly (readonly ScoredPost[])[]
}

/**
 * p of each window of each stream, an alarm at significance alpha being p ≤ alpha: as the drift job judges, and if any change
 * mattered however small, as peers have it who know no smallest effect.
 */
const Ours = z.object({
  job: z.record(z.string(), z.array(z.number())),
  any: z.record(z.string(), z.array(z.number())),
})
type Ours = z.infer<typeof Ours>

/** What a peer says of each window, by stream: whether it raises an alarm with its defaults, and its values, which grow with a change. */
const Peer = z.object({
  name: z.string(),
  version: z.string(),
  alarms: z.record(z.string(), z.array(z.boolean())),
  values: z.record(z.string(), z.array(z.array(z.number()))).optional(),
})
type Peer = z.infer<typeof Peer>

const gradualWindows = 5
/** False alarms at which all are compared: a rate that 120 windows can measure, and one as strict as they can tell. */
const equalRates = [0.05, 0.01]
/** As the drift job: the newest labels, however old their posts are. */
const recentLabels = 500

export async function driftPower(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    data: undefined,
    languages: undefined,
    exchange: undefined,
    window: 1000,
    baseline: 5000,
    repeats: 3,
    null: 120,
    most: 10,
    labels: 0.1,
    json: false,
  })
  if (options === undefined) return 0
  const { data, exchange } = options
  if (data === undefined || exchange === undefined) throw new WrongUse('--data and --exchange are needed')
  await mkdir(exchange, { recursive: true })
  const answers = join(exchange, 'driftline.json')
  if (!existsSync(answers)) {
    const streams = await makeStreams(data, options.languages, options)
    const ours: Ours = { job: {}, any: {} }
    const every = Math.round(1 / options.labels)
    const reference = referenceOf(baselineOf(streams.baseline, labelledOnes(streams.baseline, every), streams.classes))
    await writeFile(join(exchange, 'reference.csv'), csv(streams.baseline, every))
    for (const stream of streams.all) {
      await writeFile(
        join(exchange, `${stream.id}.csv`),
        stream.windows.map((window, at) => csv(window, every, at, at === 0)).join(''),
      )
      const judged = judgeStream(reference, stream.windows, every)
      ours.job[stream.id] = judged.map(({ job }) => job)
      ours.any[stream.id] = judged.map(({ any }) => any)
      process.stderr.write('.')
    }
    await writeFile(answers, JSON.stringify(ours))
    process.stderr.write('\n')
  }
  const ours = Ours.parse(JSON.parse(await readFile(answers, 'utf8')))
  const peers: Peer[] = []
  for (const name of ['evidently', 'nannyml']) {
    const path = join(exchange, `${name}.json`)
    if (existsSync(path)) peers.push(...z.array(Peer).parse(JSON.parse(await readFile(path, 'utf8'))))
  }
  const all = comparisons(ours, peers)
  process.stdout.write(options.json ? `${JSON.stringify(all)}\n` : describe(all, options.window))
  return 0
}

type Sizes = { readonly [Name in 'window' | 'baseline' | 'repeats' | 'null' | 'most']: number }

async function makeStreams(data: string, languages: string | undefined, sizes: Sizes) {
  const posts = await readPosts(data)
  const other = languages === undefined ? [] : await readPosts(languages)
  const pools = {
    usual: posts.filter(({ source, truth }) => source === 'general' && truth !== ''),
    source: posts.filter(({ source }) => source === 'finance'),
    language: other.filter(({ lang }) => lang !== 'en').map((post) => ({ ...post, source: 'general' })),
  }
  const random = seededRandom(23)
  const { window: size, most } = sizes
  const usual = (count: number): RawPost[] =>
    Array.from({ length: count }, () => pools.usual[Math.floor(random() * pools.usual.length)]).filter(
      (post) => post !== undefined,
    )
  const planned: {
    readonly id: string
    readonly kind: string
    readonly strength: number
    readonly over: number
    readonly raw: RawPost[][]
  }[] = []
  for (let at = 0; at < sizes.null; at++) {
    planned.push({ id: `null-${at}`, kind: 'none', strength: 0, over: 0, raw: [usual(size)] })
  }
  for (const change of changesOf(pools)) {
    for (const strength of change.strengths) {
      for (const over of [0, gradualWindows]) {
        for (let repeat = 0; repeat < sizes.repeats; repeat++) {
          const id = `${change.kind.replace(' ', '-')}-${strength}-${over}-${repeat}`
          planned.push({
            id,
            kind: change.kind,
            strength,
            over,
            raw: windowsOf(change, strength, over, most, size, random),
          })
        }
      }
    }
  }
  const baselineRaw = usual(sizes.baseline)
  const all = await scored([...baselineRaw, ...planned.flatMap(({ raw }) => raw.flat())])
  let next = baselineRaw.length
  const streams = planned.map(
    ({ raw, ...stream }): Stream => ({
      ...stream,
      windows: raw.map((window) => {
        next += window.length
        return all.posts.slice(next - window.length, next)
      }),
    }),
  )
  return { all: streams, baseline: all.posts.slice(0, baselineRaw.length), classes: all.classes }
}

function windowsOf(
  change: Change,
  strength: number,
  over: number,
  most: number,
  size: number,
  random: Random,
): RawPost[][] {
  return Array.from({ length: most }, (_, window) =>
    Array.from({ length: size }, (_post, at) => {
      const come = over === 0 ? 1 : Math.min(1, (window + at / size) / over)
      return change.draw(strength * come, random)
    }),
  )
}

function judgeStream(
  reference: Reference,
  windows: readonly (readonly ScoredPost[])[],
  every: number,
): readonly { readonly job: number; readonly any: number }[] {
  const known: ScoredPost[] = []
  return windows.map((window) => {
    known.push(...labelledOnes(window, every))
    const told = known.slice(-recentLabels).map((post) => labelledOf(post))
    const live = liveOf(window, told, reference)
    const judged = judge(lasting(compare(reference, live, smallest), reference, live, smallest), 0.05)
    const least = (counts: (outcome: Outcome) => boolean) =>
      judged.reduce(
        (p, { outcome, adjusted }) => (adjusted !== undefined && counts(outcome) ? Math.min(p, adjusted) : p),
        1,
      )
    return { job: least(({ effect, smallestEffect }) => effect >= smallestEffect), any: least(() => true) }
  })
}

/** Somebody's alarms, as delays by stream: windows up to the first alarm, `null` for none. */
interface Answers {
  readonly name: string
  /** Alarms in windows without a change. */
  readonly falseAlarms: number
  readonly delays: Readonly<Record<string, number | null>>
}

/** Those who raised as many false alarms as each other, or were allowed to. */
interface Comparison {
  readonly title: string
  /** The first one is counted against all of `theirs`. */
  readonly ours: readonly Answers[]
  readonly theirs: readonly Answers[]
}

/** Alarms wherever a score is above a threshold that so many windows without a change are above. */
function atRate(name: string, scores: Scores, falseAlarms: number): Answers {
  const without = nullsOf(scores).sort((a, b) => b - a)
  const threshold = without[falseAlarms] ?? Number.POSITIVE_INFINITY
  return answers(
    name,
    mapOf(scores, (score) => score > threshold),
  )
}

type Scores = Readonly<Record<string, readonly number[]>>
const isNull = (id: string) => id.startsWith('null-')
const nullsOf = <T>(all: Readonly<Record<string, readonly T[]>>): T[] =>
  Object.entries(all).flatMap(([id, of]) => (isNull(id) ? of : []))
const mapOf = <T, U>(all: Readonly<Record<string, readonly T[]>>, change: (one: T) => U): Record<string, U[]> =>
  Object.fromEntries(Object.entries(all).map(([id, of]) => [id, of.map(change)]))

function answers(name: string, alarms: Readonly<Record<string, readonly boolean[]>>): Answers {
  const delays = Object.entries(alarms).flatMap(([id, of]): [string, number | null][] => {
    const at = of.indexOf(true)
    return isNull(id) ? [] : [[id, at < 0 ? null : at + 1]]
  })
  return { name, falseAlarms: nullsOf(alarms).filter(Boolean).length, delays: Object.fromEntries(delays) }
}

/** A peer's strongest value, each in standard deviations above its mean over the windows without a change. */
function strongest(values: Readonly<Record<string, readonly (readonly number[])[]>>): Scores {
  const without = nullsOf(values)
  const spread = (without[0] ?? []).map((_, at) => {
    const column = without.map((row) => row[at] ?? 0)
    const mean = column.reduce((sum, one) => sum + one, 0) / column.length
    const variance = column.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, column.length - 1)
    return { mean, deviation: Math.max(Math.sqrt(variance), 1e-9) } // what never moved speaks at its first move
  })
  return mapOf(values, (row) =>
    Math.max(...spread.map(({ mean, deviation }, at) => ((row[at] ?? mean) - mean) / deviation)),
  )
}

function comparisons(ours: Ours, peers: readonly Peer[]): readonly Comparison[] {
  const scoresOf = (all: Ours['job']) => mapOf(all, (p) => -Math.log(Math.max(p, Number.MIN_VALUE)))
  const [job, any] = [scoresOf(ours.job), scoresOf(ours.any)]
  const nulls = nullsOf(job).length
  const oursAt = (allowed: number) => [atRate('driftline, any size', any, allowed), atRate('driftline', job, allowed)]
  const equal = equalRates.map((rate): Comparison => {
    const allowed = Math.round(rate * nulls)
    return {
      title: `at equal rates: ${allowed} false alarms in ${nulls} windows, thresholds set by them`,
      ours: oursAt(allowed),
      theirs: peers.flatMap(({ name, values }) =>
        values === undefined ? [] : [atRate(name, strongest(values), allowed)],
      ),
    }
  })
  const defaults = peers.map((peer): Comparison => {
    const theirs = answers(peer.name, peer.alarms)
    return {
      title: `${peer.name} ${peer.version} with its defaults, ours allowed as many false alarms`,
      ours: oursAt(theirs.falseAlarms),
      theirs: [theirs],
    }
  })
  const budget = answers(
    'driftline',
    mapOf(ours.job, (p) => p <= 1 / 720),
  )
  const title = 'at the budget of one false alarm in 30 days of hourly checks'
  return [{ title, ours: [budget], theirs: [] }, ...equal, ...defaults]
}

/** Median over streams; infinite when most of them were missed. */
function median(delays: readonly (number | null | undefined)[]): number {
  const sorted = delays.map((delay) => delay ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? Number.POSITIVE_INFINITY
}

function describe(all: readonly Comparison[], windowPosts: number): string {
  const groups = [...new Set(Object.keys(all[0]?.ours[0]?.delays ?? {}).map(groupOf))]
  const shown = (delay: number) => (Number.isFinite(delay) ? String(delay) : '–')
  const lines = [
    `windows of ${grouped(windowPosts)} posts up to the first alarm, median over streams; – for most of them missed`,
  ]
  for (const { title, ours, theirs } of all) {
    const judges = [...ours, ...theirs]
    lines.push(
      '',
      title,
      `  ${'false alarms'.padEnd(26)} ${judges.map(({ name, falseAlarms }) => `${name} ${falseAlarms}`.padEnd(24)).join('')}`,
    )
    const later = { one: 0, both: 0, earlier: 0 }
    for (const group of groups) {
      const delaysOf = ({ delays }: Answers) =>
        median(Object.keys(delays).flatMap((id) => (groupOf(id) === group ? [delays[id]] : [])))
      const [mine = 0] = ours.map(delaysOf)
      const others = theirs.map(delaysOf)
      if (others.some((other) => mine > other)) later.one++
      if (others.length > 0 && others.every((other) => mine > other)) later.both++
      if (others.length > 0 && others.every((other) => mine < other)) later.earlier++
      const [, change = '', strength = '', over = ''] = /^(.*)-([\d.]+)-(\d+)$/.exec(group) ?? []
      const what = `${change.replace('-', ' ')} ${strength} ${over === '0' ? 'sudden' : `over ${over}`}`
      lines.push(`  ${what.padEnd(26)} ${judges.map((one) => shown(delaysOf(one)).padEnd(24)).join('')}`)
    }
    if (theirs.length > 0) {
      lines.push(
        `  of ${groups.length} changes: earlier than every peer ${later.earlier}, later than some peer ${later.one}, later than every peer ${later.both}`,
      )
    }
  }
  return `${lines.join('\n')}\n`
}

const groupOf = (id: string): string => id.replace(/-\d+$/, '')

const columns = [
  'window',
  'text',
  'source',
  'lang',
  'label',
  'confidence',
  'p0',
  'p1',
  'p2',
  'tokens',
  'unknown_share',
  'truth',
]

/** Every n-th post: posts come in random order. The peers are told the same truths, and no others. */
const isTold = (at: number, every: number): boolean => at % every === 0
const labelledOnes = (posts: readonly ScoredPost[], every: number): readonly ScoredPost[] =>
  posts.filter(({ truth }, at) => truth !== '' && isTold(at, every))

function csv(posts: readonly ScoredPost[], every: number, window = 0, header = true): string {
  const quoted = (text: string) => `"${text.replaceAll('"', '""').replace(/[\r\n]+/g, ' ')}"`
  const lines = posts.map(({ text, source, lang, label, confidence, probabilities, tokens, unknown, truth }, at) =>
    [
      window,
      quoted(text),
      quoted(source),
      quoted(lang),
      label,
      confidence,
      ...probabilities,
      tokens,
      unknown / Math.max(1, tokens),
      isTold(at, every) ? truth : '',
    ].join(','),
  )
  return `${header ? `${columns.join(',')}\n` : ''}${lines.join('\n')}\n`
}
