import { type Random, seededRandom } from '../core/random.ts'
import { estimateAccuracy } from '../jobs/drift/estimate.ts'
import { calibratorOf, expectedRight } from '../jobs/drift/labelled.ts'
import { shuffled } from '../training/data-batches.ts'
import { readPosts, type ScoredPost, scored } from './drift/scored-posts.ts'
import { labelledOf, sampledOf } from './drift/windows.ts'
import { readOptions, WrongUse } from './frame.ts'

const usage = `npm run bench -- drift-cbpe --data <file> [options]
Accuracy as the drift job estimates it without labels of the window, against the truth, on labelled posts whose mix is
shifted and whose labels keep their meaning; and with labels that change their meaning, where it must fail. Each set is split
in halves at random: labels of one half calibrate, windows are drawn from the other.
  --data <file>    labelled posts, JSON Lines, .gz or not, that the model was not trained on; several times for several sets
  --window <n>     posts of a window (default 2000)
  --splits <n>     halves into which a set is split anew; one window of each shift for each (default 20)
  --labels <n>     labels that calibrate, at most (default all of a half)
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
  /** Means over the splits: accuracy in the windows, as calibrated confidence promises it, and as the job estimates it. */
  readonly truth: number
  readonly confidence: number
  readonly estimate: number
  /** Mean |estimate − truth|, with the luck of windows and labels in it. */
  readonly meanError: number
  /** Share of the windows whose truth lies in the estimate's 95 % interval. */
  readonly covered: number
}

export async function driftCbpe(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, { data: [], window: 2000, splits: 20, labels: 1_000_000, json: false })
  if (options === undefined) return 0
  const { data, window, splits, labels, json } = options
  if (data.length === 0) throw new WrongUse('--data names the posts to measure with')
  const results: Measured[] = []
  for (const path of data) {
    const { posts, classes } = await scored(await readPosts(path))
    const set = path.replace(/^.*\//, '').replace(/\.jsonl(?:\.gz)?$/, '')
    const known = posts.filter(({ truth }) => classes.includes(truth))
    for (const one of measureSet(known, classes, { window, splits, labels })) {
      results.push({ set, ...one })
      if (!json) process.stdout.write(`${describe({ set, ...one })}\n`)
    }
  }
  const drawn = results.filter(({ shift }) => shift !== flipped)
  const over = drawn.filter(({ truth, estimate }) => Math.abs(truth - estimate) > promised)
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`)
  const worst = (of: (one: Measured) => number) =>
    (100 * drawn.reduce((most, one) => Math.max(most, Math.abs(one.truth - of(one))), 0)).toFixed(2)
  process.stderr.write(
    `largest error under covariate shift ${worst(({ estimate }) => estimate)} points; of confidence alone ${worst(({ confidence }) => confidence)}\n`,
  )
  return over.length === 0 ? 0 : 1
}

const flipped = 'labels flipped'

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
    ...[...new Set(posts.map(({ lang }) => lang))]
      .filter((lang, _, all) => all.length > 1 && lang !== '')
      .map((lang) => ({ name: `language ${lang}`, weight: (post: ScoredPost) => (post.lang === lang ? 8 : 1) })),
    { name: flipped, weight: () => 1 },
  ]
}

function measureSet(
  posts: readonly ScoredPost[],
  classes: readonly string[],
  { window, splits, labels }: { readonly window: number; readonly splits: number; readonly labels: number },
): readonly Omit<Measured, 'set'>[] {
  const random = seededRandom(5)
  const sums = new Map<string, Omit<Measured, 'set' | 'shift'>>()
  for (let split = 0; split < splits; split++) {
    const half = posts.map(() => random() < 0.5)
    const told = shuffled(
      posts.filter((_, at) => half[at] === true),
      random,
    ).slice(0, labels)
    const labelled = told.map((post) => labelledOf(post))
    const calibrator = calibratorOf(labelled, classes)
    if (calibrator === undefined) throw new Error('too few labelled posts')
    const rest = posts.filter((_, at) => half[at] === false)
    for (const shift of shiftsOf(rest)) {
      const drawn = draw(rest, shift, window, random)
      const isRight = ({ label, truth }: ScoredPost) =>
        shift.name === flipped && random() < 0.5 ? label === opposite[truth] : label === truth
      const truth = drawn.filter(isRight).length / window
      const sampled = drawn.map((post) => sampledOf(post))
      const confidence = expectedRight(calibrator, sampled).reduce((sum, right) => sum + right, 0) / window
      const estimate = estimateAccuracy({ calibrator, labelled }, sampled)
      if (estimate === undefined) throw new Error('a window is empty')
      const before = sums.get(shift.name) ?? { truth: 0, confidence: 0, estimate: 0, meanError: 0, covered: 0 }
      sums.set(shift.name, {
        truth: before.truth + truth / splits,
        confidence: before.confidence + confidence / splits,
        estimate: before.estimate + estimate.value / splits,
        meanError: before.meanError + Math.abs(estimate.value - truth) / splits,
        covered: before.covered + (estimate.low <= truth && truth <= estimate.high ? 1 / splits : 0),
      })
    }
  }
  return [...sums].map(([shift, of]) => ({ shift, ...of }))
}

function draw(posts: readonly ScoredPost[], { weight }: Shift, count: number, random: Random): readonly ScoredPost[] {
  const upTo = new Float64Array(posts.length)
  let sum = 0
  posts.forEach((post, at) => {
    sum += weight(post)
    upTo[at] = sum
  })
  return Array.from({ length: count }, () => posts[indexOf(upTo, random() * sum)]).filter((post) => post !== undefined)
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

function describe({ set, shift, truth, confidence, estimate, meanError, covered }: Measured): string {
  const points = (value: number) => (value * 100).toFixed(2).padStart(5)
  return `${set.padEnd(26)} ${shift.padEnd(20)} truth ${points(truth)} estimate ${points(estimate)}  off by ${points(estimate - truth)} (confidence alone ${points(confidence - truth)}); per window ${points(meanError)}, in the interval ${(100 * covered).toFixed(0)} %`
}
