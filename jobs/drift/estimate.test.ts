import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { estimateAccuracy } from './estimate.ts'
import { calibratorOf } from './labelled.ts'
import type { LabelledPost } from './summary.ts'

const classes = ['negative', 'positive']

/** Posts of two languages with the same confidences; in one of them the model is right far less often. */
function posts(count: number, seed: number, foreign: number): LabelledPost[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, at) => {
    const [lang, confidence] = [random() < foreign ? 'xx' : 'en', 0.6 + 0.39 * random()]
    const right = random() < (lang === 'en' ? confidence : confidence - 0.3)
    const positive = random() < 0.5
    return {
      id: `${seed}-${at}`,
      text: 'a post',
      source: 'demo',
      lang,
      tokens: 5 + Math.floor(10 * random()),
      unknown: 0,
      probabilities: positive ? [1 - confidence, confidence] : [confidence, 1 - confidence],
      predicted: classes[positive ? 1 : 0] ?? '',
      label: classes[positive === right ? 1 : 0] ?? '',
      selectionProbability: 1,
    }
  })
}

const accuracyOf = (of: readonly LabelledPost[]) =>
  of.filter(({ label, predicted }) => label === predicted).length / of.length

const referenceOf = (labelled: readonly LabelledPost[]) => ({ labelled, calibrator: calibratorOf(labelled, classes) })

test('where the mix of languages changes, the estimate follows, and confidence alone would not', () => {
  const reference = referenceOf(posts(3000, 1, 0.2))
  for (const foreign of [0, 0.2, 0.5, 0.9]) {
    const window = posts(4000, 2, foreign)
    const estimate = estimateAccuracy(reference, window)
    expect(Math.abs((estimate?.value ?? 0) - accuracyOf(window))).toBeLessThan(0.02)
    expect(estimate?.low).toBeLessThan(accuracyOf(window))
    expect(estimate?.high).toBeGreaterThan(accuracyOf(window))
  }
  const same = estimateAccuracy(
    { ...reference, labelled: reference.labelled.filter(({ lang }) => lang === 'en') },
    posts(4000, 2, 0.9),
  )
  expect(same?.value).toBeGreaterThan(accuracyOf(posts(4000, 2, 0.9)) + 0.1)
})

test('few labels make the interval wide, and fewer than a calibrator needs make no estimate', () => {
  const window = posts(2000, 3, 0.2)
  const [few, many] = [210, 5000].map((labels) => estimateAccuracy(referenceOf(posts(labels, 4, 0.2)), window))
  if (few === undefined || many === undefined) throw new Error('both have enough labels')
  expect(few.high - few.low).toBeGreaterThan(2 * (many.high - many.low))
  expect(estimateAccuracy(referenceOf(posts(150, 5, 0.2)), window)).toBeUndefined()
  expect(estimateAccuracy(referenceOf(posts(300, 6, 0.2)), [])).toBeUndefined()
})
