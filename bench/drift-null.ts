import { type Random, seededRandom } from '../core/random.ts'
import { compare } from '../jobs/drift/check.ts'
import { type Judged, judge, overall, significance } from '../jobs/drift/judge.ts'
import { lasting } from '../jobs/drift/lasting.ts'
import type { Outcome } from '../jobs/drift/outcome.ts'
import { referenceOf } from '../jobs/drift/reference.ts'
import { wilson } from '../stats/wilson.ts'
import { demoPosts, readPosts, type ScoredPost, type ScoredPosts, scored } from './drift/scored-posts.ts'
import { baselineOf, independent, labelledOf, labelledShare, liveOf, stationary } from './drift/windows.ts'
import { list, numbers, oneOf, readOptions } from './frame.ts'

const usage = `npm run bench -- drift-null [options]
Windows without a change, judged as the drift job judges them: how often it raises an alarm, against what it promises.
  --data <file>        a stream of real posts, JSON Lines, .gz or not; without it only the demo stream is measured
  --windows <n>        windows of each stream, resampling and size (default 1000)
  --sizes <list>       posts of a window (default 200,1000,5000,20000)
  --baseline <n>       posts of a baseline (default 10000)
  --resampling <list>  iid: post by post; blocks: stretches of 50 posts on average, so that a flood of one evening falls
                       into some windows and not into others (default iid,blocks)
  --labels <share>     of the posts whose truth is known, that are labelled (default 0.05)
  --alarms <n>         false alarms allowed in 30 days of hourly checks (default 1)
  --json               print JSON`

export const smallest = { share: 0.03, accuracy: 0.02, unknown: 0.01, words: 0.05, newWords: 0.01 }
const windowsPerBaseline = 20
const hourlyChecks = 720
/** A budget at which a thousand windows tell much: one check in twenty. */
const looseAlpha = 0.05

interface Measured {
  readonly stream: string
  readonly resampling: string
  readonly windowPosts: number
  readonly windows: number
  readonly budgets: readonly {
    readonly alpha: number
    readonly alarms: number
    /** If every change mattered however small. */
    readonly sure: number
    /** If what is over soon mattered as well. */
    readonly bursts: number
  }[]
  /** Which statistic was the strongest one, in windows with an alarm at the loose budget. */
  readonly blame: Readonly<Record<string, number>>
}

export async function driftNull(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    data: undefined,
    windows: 1000,
    sizes: '200,1000,5000,20000',
    baseline: 10_000,
    resampling: 'iid,blocks',
    labels: 0.05,
    alarms: 1,
    json: false,
  })
  if (options === undefined) return 0
  const { data, windows, baseline: baselinePosts, labels, alarms, json } = options
  const sizes = numbers(options.sizes)
  const resamplings = list(options.resampling).map((one) => oneOf(one, ['iid', 'blocks']))
  const alpha = significance({ alarms, days: 30, checks: hourlyChecks })
  const streams: [string, ScoredPosts][] = [['demo', await scored(demoPosts(60_000, 1))]]
  if (data !== undefined) streams.unshift(['real', await scored(await readPosts(data))])
  const results: Measured[] = []
  for (const [stream, { posts, classes }] of streams) {
    for (const resampling of resamplings) {
      for (const windowPosts of sizes) {
        const startedMs = performance.now()
        const measured = measure(posts, classes, {
          resampling,
          windowPosts,
          windows,
          baselinePosts,
          labels,
          alphas: [alpha, looseAlpha],
          random: seededRandom(windowPosts + 31 * results.length),
        })
        const one = { stream, resampling, windowPosts, ...measured }
        results.push(one)
        if (!json) process.stdout.write(describe(one))
        process.stderr.write(`  ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`)
      }
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`)
  const broken = results.flatMap(({ windows, budgets }) =>
    budgets.filter(({ alpha: budget, alarms }) => wilson(alarms, windows).low > budget),
  )
  if (!json) {
    process.stdout.write(broken.length === 0 ? 'every rate is within its budget\n' : `${broken.length} are above it\n`)
  }
  return broken.length === 0 ? 0 : 1
}

interface Options {
  readonly resampling: 'iid' | 'blocks'
  readonly windowPosts: number
  readonly windows: number
  readonly baselinePosts: number
  readonly labels: number
  readonly alphas: readonly number[]
  readonly random: Random
}

function measure(posts: readonly ScoredPost[], classes: readonly string[], options: Options) {
  const { resampling, windowPosts, windows, baselinePosts, labels, alphas, random } = options
  const draw = (count: number) =>
    resampling === 'iid' ? independent(posts, count, random) : stationary(posts, count, random, 50)
  const budgets = alphas.map((alpha) => ({ alpha, alarms: 0, sure: 0, bursts: 0 }))
  const blame: Record<string, number> = {}
  let reference: ReturnType<typeof referenceOf> | undefined
  for (let window = 0; window < windows; window++) {
    if (reference === undefined || window % windowsPerBaseline === 0) {
      const drawn = draw(baselinePosts)
      reference = referenceOf(baselineOf(drawn, labelledShare(drawn, labels, random), classes))
    }
    const drawn = draw(windowPosts)
    const told = labelledShare(drawn, labels, random).slice(-500)
    const live = liveOf(
      drawn,
      told.map((post) => labelledOf(post)),
      reference,
    )
    const outcomes = compare(reference, live, smallest)
    if (overall(judge(outcomes.map(however), looseAlpha)) === 'ok') continue // then it is at every smaller significance
    const lasts = lasting(outcomes, reference, live, smallest)
    for (const budget of budgets) {
      if (overall(judge(outcomes, budget.alpha)) === 'drift') budget.bursts++
      if (overall(judge(lasts, budget.alpha)) === 'drift') budget.alarms++
      if (overall(judge(lasts.map(however), budget.alpha)) === 'drift') budget.sure++
    }
    const strongest = alarmOf(judge(lasts.map(however), looseAlpha))
    if (strongest !== undefined) blame[strongest] = (blame[strongest] ?? 0) + 1
  }
  return { windows, budgets, blame }
}

/** The same statistic if any change mattered, however small: what its p-value promises by itself. */
const however = (outcome: Outcome): Outcome => ({ ...outcome, smallestEffect: 0 })

function alarmOf(judged: readonly Judged[]): string | undefined {
  const [first] = judged
    .filter(({ outcome, verdict }) => outcome.decides && verdict === 'drift')
    .sort((a, b) => (a.adjusted ?? 1) - (b.adjusted ?? 1))
  return first === undefined ? undefined : `${first.outcome.segment === '' ? '' : 'segment '}${first.outcome.statistic}`
}

function describe({ stream, resampling, windowPosts, windows, budgets, blame }: Measured): string {
  const rates = budgets.map(({ alpha, alarms, sure, bursts }) => {
    const { low, high } = wilson(alarms, windows)
    const percent = (share: number) => `${(share * 100).toFixed(2)} %`
    return `promised ${percent(alpha)}, measured ${percent(alarms / windows)} (${percent(low)} to ${percent(high)}; ${percent(sure / windows)} without smallest effects, ${percent(bursts / windows)} with bursts)`
  })
  const why = Object.entries(blame)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
  return `${stream} ${resampling} ${windowPosts} posts, ${windows} windows: ${rates.join('; ')}\n  ${why.join(', ')}\n`
}
