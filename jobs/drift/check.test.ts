import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { compare, type SmallestEffects } from './check.ts'
import { compareCounts } from './compare-counts.ts'
import { separate, shiftModel, wordsNull } from './domain-classifier.ts'
import { judge, overall, significance } from './judge.ts'
import { measure } from './labelled.ts'
import { judgeWindow } from './lasting.ts'
import type { Outcome } from './outcome.ts'
import { type Live, type Reference, referenceOf } from './reference.ts'
import { confidenceBins, type LabelledPost, noPosts, type SampledPost, type Summary } from './summary.ts'
import { shiftScore, shiftScoreOf, wordsOf } from './words.ts'

const outcome = (p: number | undefined, over: Partial<Outcome> = {}): Outcome => ({
  segment: '',
  about: 'posts',
  statistic: 'class.chi2',
  value: 1,
  p,
  effect: 0.1,
  smallestEffect: 0.03,
  thresholdAt: (alpha) => -Math.log(alpha),
  decides: true,
  referenceRows: 100,
  liveRows: 100,
  sentence: '',
  ...over,
})

const random = seededRandom(4)

const post = (block: number, vocabulary: readonly string[], at: number): SampledPost => ({
  id: `p${block}-${at}`,
  text: 'a post',
  label: 'neutral',
  probabilities: [0.2, 0.6, 0.2],
  source: 'demo',
  lang: 'en',
  tokens: 9,
  unknown: 0,
  words: [...new Set(Array.from({ length: 7 }, () => vocabulary[Math.floor(random() * vocabulary.length)] ?? ''))],
  block,
})

const usual = Array.from({ length: 60 }, (_, at) => `word${at}`)
const sampleOf = (posts: number, vocabulary = usual, blocks = 100) =>
  Array.from({ length: posts }, (_, at) => post(Math.floor((at * blocks) / posts), vocabulary, at))

test('the budget over its checks is the significance of one', () => {
  expect(significance({ alarms: 1, days: 30, checks: 720 })).toBeCloseTo(1 / 720, 12)
  expect(significance({ alarms: 5, days: 30, checks: 1 })).toBe(0.5)
})

test('alarms are shared out by Holm, the whole stream and its segments by halves, and small effects are none', () => {
  const alone = judge([outcome(0.01), outcome(0.4)], 0.02)
  expect(alone.map(({ verdict, adjusted }) => [verdict, adjusted])).toEqual([
    ['drift', 0.02],
    ['ok', 0.4],
  ])
  const shared = judge([outcome(0.004), outcome(0.4), outcome(0.004, { segment: 'source=a' })], 0.01)
  expect(shared.map(({ adjusted }) => adjusted)).toEqual([0.016, 0.8, 0.008])
  expect(shared.map(({ verdict }) => verdict)).toEqual(['warning', 'ok', 'drift'])
  expect(judge([outcome(1e-9, { effect: 0.01 })], 0.05)[0]?.verdict).toBe('ok')
  expect(overall([])).toBe('ok')
})

test('a statistic that only stands beside costs nothing and decides nothing', () => {
  const judged = judge([outcome(0.01), outcome(1e-9, { decides: false, statistic: 'class.psi' })], 0.011)
  expect(judged.map(({ verdict }) => verdict)).toEqual(['drift', 'warning'])
  expect(overall(judge([outcome(0.3), outcome(1e-9, { decides: false })], 0.01))).toBe('ok')
})

test('a category that was never seen before is counted exactly, where χ² would cry at a single post', () => {
  const blocks = Array.from({ length: 20 }, (_, at) => [140 + (at % 3), 110 - (at % 3), 0])
  expect(compareCounts(blocks, [112, 87, 1]).p).toBeGreaterThan(0.05)
  expect(compareCounts(blocks, [110, 84, 6]).p).toBeLessThan(1e-6)
})

test('equal shares are no difference, whatever the number of posts', () => {
  const blocks = Array.from({ length: 20 }, () => [30, 40, 30])
  const { statistic, p, totalVariation } = compareCounts(blocks, [300, 400, 300])
  expect({ statistic, p, totalVariation }).toEqual({ statistic: 0, p: 1, totalVariation: 0 })
})

test('where blocks of the baseline differ as much as the window does, the window is one of them', () => {
  const steady = Array.from({ length: 20 }, () => [50, 50])
  const moody = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? [65, 35] : [35, 65]))
  expect(compareCounts(steady, [70, 30]).p).toBeLessThan(0.001)
  expect(compareCounts(moody, [70, 30]).p).toBeGreaterThan(0.05)
})

test('words that say nothing separate nothing, a vocabulary of its own does, and its words are named', () => {
  const before = sampleOf(2000)
  const same = separate(before, sampleOf(500))
  expect(Math.abs((same?.auc ?? 0) - 0.5)).toBeLessThan(0.07)
  const changed = sampleOf(500, [...usual.slice(10), 'strike', 'picket', '#union'])
  expect(separate(before, changed)?.auc).toBeGreaterThan(0.65)
  const model = shiftModel(before, changed)
  const strongest = Object.entries(model?.weights ?? {})
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([word]) => word)
  expect(strongest.sort()).toEqual(['#union', 'picket', 'strike'])
  if (model === undefined) throw new Error('there is a model')
  expect(shiftScore(model, ['strike', 'picket'])).toBeGreaterThan(shiftScore(model, ['word3', 'word4']))
  expect(shiftScoreOf(model, 'Strike! #Union')).toBe(shiftScore(model, ['strike', 'union', '#union']))
  expect(shiftScore({ bias: 0, weights: {} }, ['constructor', '__proto__'])).toBe(0.5)
})

test('one text that goes round is one post, and a handful of posts is not judged', () => {
  const flood = Array.from({ length: 400 }, () => ({ ...post(0, ['win', 'cash'], 0), words: ['win', 'cash', 'now'] }))
  expect(separate(sampleOf(1000), flood)).toBeUndefined()
  expect(wordsNull(sampleOf(200), 100)).toBeUndefined()
})

test('words are those of the normalised text, each once, with the hashtags as they were written', () => {
  expect(wordsOf('So so GOOD #NeverAgain http://a.b', ['neveragain']).slice(0, 2)).toEqual(['so', 'good'])
  expect(wordsOf('So so GOOD #NeverAgain', ['neveragain'])).toEqual(['so', 'good', 'never', 'again', '#neveragain'])
  expect(wordsOf('', [])).toEqual([])
})

test('accuracy is weighted by how unlikely each label was to be asked for', () => {
  const answer = (right: boolean, selectionProbability: number): LabelledPost => ({
    id: 'x',
    text: 'a post',
    source: 'demo',
    lang: 'en',
    tokens: 9,
    unknown: 0,
    label: 'a',
    predicted: right ? 'a' : 'b',
    probabilities: [1],
    selectionProbability,
  })
  const asked = [...Array(10).fill(answer(false, 0.5)), ...Array(10).fill(answer(true, 0.1))]
  expect(measure(asked)).toMatchObject({ estimate: 100 / 120, answers: 20 })
  expect(measure([])).toBeUndefined()
})

const smallest: SmallestEffects = { share: 0.03, accuracy: 0.02, unknown: 0.01, words: 0.05, newWords: 0.01 }

function summary(posts: number, over: Partial<Summary> = {}): Summary {
  const confidence = Array.from({ length: confidenceBins }, (_, bin) => (bin >= 25 ? posts / 25 : 0))
  return {
    posts,
    confidence,
    classes: { a: posts },
    sources: { demo: posts },
    languages: { '': posts },
    unknown: { posts, numerator: 0, denominator: posts * 10, squares: [0, 0, posts * 100] },
    ...over,
  }
}

const live = (of: Summary, labelled: readonly LabelledPost[] = []): Live => ({
  segments: new Map([['', of]]),
  stretches: new Map([['', [of]]]),
  sample: sampleOf(300),
  labelled,
})

const reference = (of: Summary): Reference =>
  referenceOf({
    segments: new Map([['', Array.from({ length: 100 }, () => of)]]),
    sample: sampleOf(3000),
    labelled: [],
    classes: ['negative', 'neutral', 'positive'],
  })

test('nothing is compared with an empty window or without a baseline', () => {
  expect(compare(reference(summary(50)), live(noPosts), smallest)).toEqual([])
  expect(compare({ ...reference(summary(50)), segments: new Map() }, live(summary(50)), smallest)).toEqual([])
})

test('one class, one source, equal confidences and no unknown token give finite numbers and no alarm', () => {
  const equal = (posts: number) =>
    summary(posts, { confidence: Array.from({ length: confidenceBins }, (_, bin) => (bin === 40 ? posts : 0)) })
  const outcomes = compare(reference(equal(50)), live(equal(500)), smallest)
  expect(outcomes.length).toBeGreaterThan(4)
  for (const { statistic, value, p, effect } of outcomes) {
    expect([statistic, Number.isFinite(value), Number.isFinite(effect), (p ?? 0) >= 0]).toEqual([
      statistic,
      true,
      true,
      true,
    ])
  }
  expect(overall(judge(outcomes, 0.01))).toBe('ok')
})

test('an unknown token where there never was one is seen once there are enough of them', () => {
  const unknown = (posts: number, numerator: number) =>
    summary(posts, {
      unknown: { posts, numerator, denominator: posts * 10, squares: [numerator, numerator * 10, posts * 100] },
    })
  const judged = judge(compare(reference(summary(50)), live(unknown(500, 400)), smallest), 0.001)
  expect(judged.find(({ outcome: { statistic } }) => statistic === 'unknown.rate')?.verdict).toBe('drift')
})

/** A window in stretches, in some of which all posts are of one class that the baseline hardly holds. */
function inStretches(flooded: readonly number[]): Live {
  const mixed = (posts: number, odd: number) => summary(posts, { classes: { a: posts - odd, b: odd } })
  const stretches = Array.from({ length: 8 }, (_, at) => mixed(50, flooded.includes(at) ? 45 : 1))
  return {
    segments: new Map([['', mixed(400, 8 + 44 * flooded.length)]]),
    stretches: new Map([['', stretches]]),
    sample: sampleOf(400, usual, 8),
    labelled: [],
  }
}

test('what a quarter of the window shows and the rest does not is a burst, and what outlasts it is drift', () => {
  const before = reference(summary(50, { classes: { a: 49, b: 1 } }))
  const judged = (live: Live) => judgeWindow(before, live, smallest, 0.001)
  const burst = judged(inStretches([2, 3]))
  expect(overall(burst.statistics)).toBe('ok')
  expect(burst.bursts[0]?.outcome.statistic).toBe('class.chi2')
  expect(burst.bursts[0]?.outcome.p).toBeLessThan(1e-9)
  for (const flooded of [
    [2, 3, 4],
    [0, 7],
    [1, 4, 6],
  ]) {
    expect([flooded, overall(judged(inStretches(flooded)).statistics)]).toEqual([flooded, 'drift'])
  }
})

test('a window of a single moment has nothing to leave out, and is judged whole', () => {
  const before = reference(summary(50, { classes: { a: 49, b: 1 } }))
  const moment = { ...inStretches([0, 1, 2]), stretches: new Map([['', [summary(400)]]]) }
  expect(overall(judgeWindow(before, moment, smallest, 0.001).statistics)).toBe('drift')
})
