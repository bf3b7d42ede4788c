import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import type { Judged } from './compared.ts'
import { type Evidence, judgeCandidate } from './judge.ts'
import { gatesPage } from './page.ts'
import { failedGates, GateReport } from './report.ts'

const bounds = { goldenMargin: 0.02, sliceRows: 30, sliceMargin: 0.02, maxEce: 0.05, maxSlowdown: 1.25 }
const hostile = '<script>alert("x")</script>'

/** Answers that are right on the given share of the posts, as sure as they are right. */
function judged(championRight: number, candidateRight: number, rows = 300): Judged {
  const random = seededRandom(3)
  const truth = Array.from({ length: rows }, (_, row) => row % 2)
  const says = (right: number) =>
    Float64Array.from(
      truth.flatMap((label) =>
        (random() < right ? label : 1 - label) === 0 ? [right, 1 - right] : [1 - right, right],
      ),
    )
  return {
    source: hostile,
    labels: ['negative', 'positive'],
    posts: truth.map((label) => ({
      truth: label,
      atMs: undefined,
      selectionProbability: 0.1,
      lang: 'en',
      source: hostile,
      words: 12,
    })),
    champion: says(championRight),
    candidate: says(candidateRight),
  }
}
const evidence = (over: Partial<Evidence> = {}): Evidence => ({
  candidate: { name: 'slang', parent: 1 },
  evaluatedAtMs: 0,
  fresh: judged(0.6, 0.85),
  golden: undefined,
  speed: { champion: Array(9).fill(1), candidate: Array(9).fill(1.1) },
  numbers: [{ variant: 'fp32', rows: 300, maxDelta: 1e-7, argmaxAgreement: 1, passed: true }],
  ...over,
})
const report = (over: Partial<Evidence> = {}) =>
  GateReport.parse(judgeCandidate(evidence(over), bounds, seededRandom(1)))

test('a better candidate passes, and the same evidence gives the same report', () => {
  expect(failedGates(report())).toEqual([])
  expect(report()).toEqual(report())
})

test('without a hold-out nothing is better and nothing calibrated', () => {
  expect(failedGates(report({ fresh: undefined }))).toEqual(['fresh', 'calibration'])
})

test('a round that was disturbed decides nothing, twice the time does', () => {
  const speed = { champion: [1, 1, 1, 9, 1, 1, 1, 1], candidate: [1, 8, 1, 1, 7, 1, 9, 1] }
  expect(failedGates(report({ speed }))).toEqual([])
  expect(failedGates(report({ speed: { ...speed, candidate: Array(8).fill(2) } }))).toEqual(['speed'])
})

test('numbers that were not compared, or confidences that are none, are no pass', () => {
  expect(failedGates(report({ numbers: [] }))).toEqual(['numbers'])
  const fresh = { ...judged(0.6, 0.85), candidate: new Float64Array(600).fill(Number.NaN) }
  expect(failedGates(report({ fresh }))).toEqual(expect.arrayContaining(['calibration']))
})

test('the page shows each gate, and no text of the data is markup', () => {
  const page = gatesPage(report())
  expect(page).not.toContain('<script')
  expect(page).toContain('&lt;script&gt;')
  for (const name of ['fresh', 'golden', 'slices', 'calibration', 'speed', 'numbers'])
    expect(page).toContain(`<td>${name}</td>`)
})
