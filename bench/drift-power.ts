import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { type Random, seededRandom } from '../core/random.ts'
import { compare } from '../jobs/drift/check.ts'
import { judge } from '../jobs/drift/judge.ts'
import { lasting } from '../jobs/drift/lasting.ts'
import { type Reference, referenceOf } from '../jobs/drift/reference.ts'
import { type Change, changesOf } from './drift/changes.ts'
import { type RawPost, readPosts, type ScoredPost, scored } from './drift/scored-posts.ts'
import { baselineOf, labelledOf, liveOf } from './drift/windows.ts'
import { smallest } from './drift-null.ts'

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

/** p of each window of each stream: an alarm at significance alpha is p ≤ alpha. */
const Ours = z.record(z.string(), z.array(z.number()))
type Ours = z.infer<typeof Ours>

/** What a peer says of each window, by stream; streams without a change begin with `null`. */
const Peer = z.object({ name: z.string(), version: z.string(), alarms: z.record(z.string(), z.array(z.boolean())) })
type Peer = z.infer<typeof Peer>

const gradualWindows = 5
/** As the drift job: the newest labels, however old their posts are. */
const recentLabels = 500

export async function driftPower(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      languages: { type: 'string' },
      exchange: { type: 'string' },
      window: { type: 'string', default: '1000' },
      baseline: { type: 'string', default: '5000' },
      repeats: { type: 'string', default: '3' },
      null: { type: 'string', default: '120' },
      most: { type: 'string', default: '10' },
      labels: { type: 'string', default: '0.1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { data, exchange } = values
  if (values.help || data === undefined || exchange === undefined) {
    process.stdout.write(`${usage}\n`)
    return values.help ? 0 : 2
  }
  await mkdir(exchange, { recursive: true })
  const answers = join(exchange, 'driftline.json')
  if (!existsSync(answers)) {
    const streams = await makeStreams(data, values.languages, values)
    const ours: Ours = {}
    const every = Math.round(1 / Number(values.labels))
    const reference = referenceOf(baselineOf(streams.baseline, labelledOnes(streams.baseline, every), streams.classes))
    await writeFile(join(exchange, 'reference.csv'), csv(streams.baseline, every))
    for (const stream of streams.all) {
      await writeFile(
        join(exchange, `${stream.id}.csv`),
        stream.windows.map((window, at) => csv(window, every, at, at === 0)).join(''),
      )
      ours[stream.id] = judgeStream(reference, stream, every)
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
  const rows = compareAll(ours, peers)
  process.stdout.write(values.json ? `${JSON.stringify(rows)}\n` : describe(rows, ours, peers))
  return 0
}

type Values = { readonly [Name in 'window' | 'baseline' | 'repeats' | 'null' | 'most']: string }

async function makeStreams(data: string, languages: string | undefined, values: Values) {
  const posts = await readPosts(data)
  const other = languages === undefined ? [] : await readPosts(languages)
  const pools = {
    usual: posts.filter(({ source, truth }) => source === 'general' && truth !== ''),
    source: posts.filter(({ source }) => source === 'finance'),
    language: other.filter(({ lang }) => lang !== 'en').map((post) => ({ ...post, source: 'general' })),
  }
  const random = seededRandom(23)
  const [size, most] = [Number(values.window), Number(values.most)]
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
  for (let at = 0; at < Number(values.null); at++) {
    planned.push({ id: `null-${at}`, kind: 'none', strength: 0, over: 0, raw: [usual(size)] })
  }
  for (const change of changesOf(pools)) {
    for (const strength of change.strengths) {
      for (const over of [0, gradualWindows]) {
        for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
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
  const baselineRaw = usual(Number(values.baseline))
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

/** Each window's p, with what is too small to matter left out, as the drift job takes it. */
function judgeStream(reference: Reference, stream: Stream, every: number): number[] {
  const known: ScoredPost[] = []
  return stream.windows.map((window) => {
    known.push(...labelledOnes(window, every))
    const told = known.slice(-recentLabels).map((post) => labelledOf(post))
    const live = liveOf(window, told, reference)
    const judged = judge(lasting(compare(reference, live, smallest), reference, live, smallest), 0.05)
    return judged.reduce(
      (least, { outcome, adjusted }) =>
        adjusted !== undefined && outcome.effect >= outcome.smallestEffect ? Math.min(least, adjusted) : least,
      1,
    )
  })
}

interface Row {
  readonly change: string
  readonly strength: number
  readonly over: number
  readonly against: string
  /** Windows up to the first alarm, for each stream; null for none. */
  readonly ours: readonly (number | null)[]
  readonly theirs: readonly (number | null)[]
}

function compareAll(ours: Ours, peers: readonly Peer[]): readonly Row[] {
  const streams = Object.keys(ours).filter((id) => !id.startsWith('null-'))
  const groups = [...new Set(streams.map((id) => id.replace(/-\d+$/, '')))]
  const nulls = Object.entries(ours).filter(([id]) => id.startsWith('null-'))
  const nullP = nulls.flatMap(([, p]) => p).sort((a, b) => a - b)
  return [{ name: 'budget', version: '', alarms: {} }, ...peers].flatMap((peer) => {
    const theirAlarms = nulls.filter(([id]) => peer.alarms[id]?.[0] === true).length
    // As many false alarms as the peer's on the same windows, and not one more.
    const alpha = peer.name === 'budget' ? 1 / 720 : Math.max(1e-12, (nullP[theirAlarms] ?? 1) * 0.999999)
    return groups.map((group) => {
      const members = streams.filter((id) => id.replace(/-\d+$/, '') === group)
      const [, change = '', strength = '0', over = '0'] = /^(.*)-([\d.]+)-(\d+)$/.exec(group) ?? []
      return {
        change,
        strength: Number(strength),
        over: Number(over),
        against: peer.name,
        ours: members.map((id) => first((ours[id] ?? []).map((p) => p <= alpha))),
        theirs: members.map((id) => first(peer.alarms[id] ?? [])),
      }
    })
  })
}

const first = (alarms: readonly boolean[]): number | null => {
  const at = alarms.indexOf(true)
  return at < 0 ? null : at + 1
}

/** Median over streams; `null` when most of them were missed. */
function median(delays: readonly (number | null)[]): number | null {
  const sorted = delays.map((delay) => delay ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b)
  const middle = sorted[(sorted.length - 1) >> 1] ?? Number.POSITIVE_INFINITY
  return Number.isFinite(middle) ? middle : null
}

function describe(rows: readonly Row[], ours: Ours, peers: readonly Peer[]): string {
  const nulls = Object.keys(ours).filter((id) => id.startsWith('null-'))
  const rate = (alarms: number) => `${alarms} of ${nulls.length} windows without a change`
  const shown = (delay: number | null) => (delay === null ? 'missed' : String(delay))
  const lines = [
    `false alarms at the budget of one in 30 days of hourly checks: ${rate(nulls.filter((id) => (ours[id]?.[0] ?? 1) <= 1 / 720).length)}`,
  ]
  for (const { name, version, alarms } of peers) {
    lines.push(`false alarms of ${name} ${version}: ${rate(nulls.filter((id) => alarms[id]?.[0] === true).length)}`)
  }
  lines.push('', `windows to the first alarm, median (at the budget; then ours | theirs at their false-alarm rate)`)
  const later: string[] = []
  for (const row of rows.filter(({ against }) => against === 'budget')) {
    const same = rows.filter(
      (one) => one.change === row.change && one.strength === row.strength && one.over === row.over,
    )
    const beside = peers.map(({ name }) => {
      const one = same.find(({ against }) => against === name)
      if (one === undefined) return ''
      const [mine, theirs] = [median(one.ours), median(one.theirs)]
      if ((mine ?? 1e9) > (theirs ?? 1e9)) later.push(`${row.change} ${row.strength} ${name}`)
      return `${name} ${shown(mine)} | ${shown(theirs)}`.padEnd(32)
    })
    lines.push(
      `${row.change.padEnd(14)} ${String(row.strength).padEnd(5)} ${(row.over === 0 ? 'sudden' : `over ${row.over}`).padEnd(8)} ${shown(median(row.ours)).padEnd(8)} ${beside.join(' ')}`,
    )
  }
  lines.push('', later.length === 0 ? 'never later than a peer' : `later than a peer: ${later.join('; ')}`)
  return `${lines.join('\n')}\n`
}

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
