import { parseArgs } from 'node:util'
import { type Random, seededRandom } from '../core/random.ts'
import { calibratorOf, expectedRight } from '../jobs/drift/labelled.ts'
import type { TopLabelCalibrator } from '../stats/top-label.ts'
import { readPosts, type ScoredPost, scored } from './drift/scored-posts.ts'
import { labelledOf } from './drift/windows.ts'

const usage = `npm run bench -- drift-cbpe --data <file> [options]
Accuracy as the scores promise it (CBPE) against the truth, on labelled posts whose mix is shifted and whose labels keep
their meaning; and with labels that change their meaning, where it must fail.
  --data <file>    labelled posts, JSON Lines, .gz or not; several times for several sets
  --window <n>     posts of a window (default 2000)
  --repeats <n>    windows of each shift (default 20)
  --json           print JSON`

/** The claim, in points of accuracy. */
const promised = 0.02

interface Shift {
  readonly name: string
  /** What a post is drawn in proportion to. It may look at the post and its score, never at the truth. */
  weight(post: ScoredPost): number
}

interface Measured {
  readonly set: string
  readonly shift: string
  /** Mean accuracy in the windows, and as promised. */
  readonly truth: number
  readonly estimate: number
  /** Mean and largest |estimate − truth| over windows, the latter with the luck of a window in it. */
  readonly meanError: number
  readonly worstError: number
}

export async function driftCbpe(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', multiple: true },
      window: { type: 'string', default: '2000' },
      repeats: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || values.data === undefined) {
    process.stdout.write(`${usage}\n`)
    return values.help ? 0 : 2
  }
  const results: Measured[] = []
  for (const path of values.data) {
    const { posts, classes } = await scored(await readPosts(path))
    const set = path.replace(/^.*\//, '').replace(/\.jsonl(?:\.gz)?$/, '')
    const random = seededRandom(5)
    const known = posts.filter(({ truth }) => classes.includes(truth))
    const half = known.map(() => random() < 0.5)
    const calibrator = calibratorOf(
      known.filter((_, at) => half[at] === true).map((post) => labelledOf(post)),
      classes,
    )
    if (calibrator === undefined) throw new Error(`${path} holds too few labelled posts`)
    const rest = known.filter((_, at) => half[at] === false)
    for (const shift of shiftsOf(rest)) {
      results.push({
        set,
        ...measure(rest, shift, calibrator, Number(values.window), Number(values.repeats), random),
      })
    }
  }
  const drawn = results.filter(({ shift }) => shift !== 'labels flipped')
  const over = drawn.filter(({ truth, estimate }) => Math.abs(truth - estimate) > promised)
  process.stdout.write(values.json ? `${JSON.stringify(results)}\n` : `${results.map(describe).join('\n')}\n`)
  const worst = drawn.reduce((most, { truth, estimate }) => Math.max(most, Math.abs(truth - estimate)), 0)
  process.stderr.write(`largest error under covariate shift ${(worst * 100).toFixed(2)} points\n`)
  return over.length === 0 ? 0 : 1
}

/** Shifts of the posts: p(x) changes, p(class | x) does not, since only what is known of a post decides. */
function shiftsOf(posts: readonly ScoredPost[]): readonly Shift[] {
  const lengths = posts.map(({ tokens }) => tokens).sort((a, b) => a - b)
  const medianLength = lengths[lengths.length >> 1] ?? 1
  const dated = posts.filter(({ at }) => at > 0).sort((a, b) => a.at - b.at)
  const middle = dated[dated.length >> 1]?.at ?? 0
  const has = (pattern: RegExp) => (post: ScoredPost) => (pattern.test(post.text) ? 8 : 1)
  return [
    { name: 'none', weight: () => 1 },
    { name: 'short posts', weight: ({ tokens }) => (tokens < medianLength ? 8 : 1) },
    { name: 'long posts', weight: ({ tokens }) => (tokens >= medianLength ? 8 : 1) },
    ...(middle === 0
      ? []
      : [
          { name: 'early posts', weight: ({ at }: ScoredPost) => (at < middle ? 8 : 1) },
          { name: 'late posts', weight: ({ at }: ScoredPost) => (at >= middle ? 8 : 1) },
        ]),
    { name: 'doubtful posts', weight: ({ confidence }) => (confidence < 0.6 ? 8 : 1) },
    { name: 'sure posts', weight: ({ confidence }) => (confidence > 0.8 ? 8 : 1) },
    { name: 'predicted negative', weight: ({ label }) => (label === 'negative' ? 8 : 1) },
    { name: 'predicted positive', weight: ({ label }) => (label === 'positive' ? 8 : 1) },
    { name: 'questions', weight: has(/\?/) },
    { name: 'exclamations', weight: has(/!/) },
    { name: 'hashtags', weight: has(/#\w/) },
    { name: 'unknown words', weight: ({ unknown }) => (unknown > 0 ? 8 : 1) },
    { name: 'labels flipped', weight: () => 1 },
  ]
}

function measure(
  posts: readonly ScoredPost[],
  { name, weight }: Shift,
  calibrator: TopLabelCalibrator,
  window: number,
  repeats: number,
  random: Random,
): Omit<Measured, 'set'> {
  const upTo = new Float64Array(posts.length)
  let sum = 0
  posts.forEach((post, at) => {
    sum += weight(post)
    upTo[at] = sum
  })
  const rights = expectedRight(calibrator, posts)
  const errors: number[] = []
  let [truth, estimate] = [0, 0]
  for (let repeat = 0; repeat < repeats; repeat++) {
    let [right, expected] = [0, 0]
    for (let draw = 0; draw < window; draw++) {
      const at = indexOf(upTo, random() * sum)
      const post = posts[at]
      if (post === undefined) continue
      const flipped = name === 'labels flipped' && random() < 0.5
      const isRight = post.label === post.truth
      right += (flipped ? post.label === opposite[post.truth] : isRight) ? 1 : 0
      expected += rights[at] ?? 0
    }
    errors.push(Math.abs(expected - right) / window)
    truth += right / window / repeats
    estimate += expected / window / repeats
  }
  return {
    shift: name,
    truth,
    estimate,
    meanError: errors.reduce((total, error) => total + error, 0) / repeats,
    worstError: Math.max(...errors),
  }
}

const opposite: Readonly<Record<string, string>> = { negative: 'positive', positive: 'negative', neutral: 'neutral' }

function indexOf(upTo: Float64Array, at: number): number {
  let [low, high] = [0, upTo.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((upTo[middle] ?? 0) > at) high = middle
    else low = middle + 1
  }
  return low
}

function describe({ set, shift, truth, estimate, meanError, worstError }: Measured): string {
  const points = (value: number) => (value * 100).toFixed(2)
  return `${set.padEnd(26)} ${shift.padEnd(20)} truth ${points(truth)} estimate ${points(estimate)}  off by ${points(estimate - truth)}; per window ${points(meanError)} on average, ${points(worstError)} at most`
}
