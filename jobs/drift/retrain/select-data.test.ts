import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../core/random.ts'
import { type RetrainingPost, type SelectionSettings, selectData } from './select-data.ts'

const hourMs = 3_600_000
const settings: SelectionSettings = {
  labels: ['negative', 'positive'],
  recentMs: 200 * hourMs,
  holdOut: 0.3,
  replay: 0.5,
  mostPosts: 1000,
  keepGolden: true,
  meaningChanged: false,
}
const post = (at: number, over: Partial<RetrainingPost> = {}): RetrainingPost => ({
  id: `p${at}`,
  text: `post number ${at}`,
  label: at % 2 === 0 ? 'negative' : 'positive',
  atMs: at * hourMs,
  source: 'app',
  lang: 'en',
  selectionProbability: 0.1,
  ...over,
})
const posts = (from: number, count: number, over: (at: number) => Partial<RetrainingPost> = () => ({})) =>
  Array.from({ length: count }, (_, index) => post(from + index, over(from + index)))

function selected(all: readonly RetrainingPost[], over: Partial<SelectionSettings> = {}) {
  const cut = selectData(all, { ...settings, ...over }, seededRandom(1))
  if ('refused' in cut) throw new Error(cut.refused)
  return cut
}
const refused = (all: readonly RetrainingPost[]) => {
  const cut = selectData(all, settings, seededRandom(1))
  return 'refused' in cut ? cut.refused : 'not refused'
}

test('the newest are held out, the rest of the recent trained on, older ones replayed or golden', () => {
  // hours  0 ─────────── 400 │ 400 ── 540 │ 540 ─ 600
  //        older: replay,    │ trained    │ held out
  //        golden            │            │
  const { train, heldOut, golden, facts } = selected(posts(0, 600))
  expect(facts).toMatchObject({
    heldOut: 60,
    replayed: 141,
    train: 282,
    heldOutFrom: new Date(540 * hourMs).toISOString(),
  })
  expect(heldOut.map(({ id }) => id)).toEqual(posts(540, 60).map(({ id }) => id))
  expect(train.filter(({ atMs }) => atMs < 399 * hourMs).length).toBe(141)
  expect(golden.length).toBeGreaterThan(50)
  expect(golden.every(({ atMs }) => atMs < 399 * hourMs)).toBe(true)
})

test('nothing that is held out or golden is trained on, whatever the labels', () => {
  const words = fc.constantFrom('late', 'Late!', 'LATE http://a.b', 'good', 'good @you', 'fine', 'fine.', 'so so')
  const arbitrary = fc.array(
    fc.record({
      word: words,
      more: fc.nat({ max: 60 }),
      at: fc.nat({ max: 900 }),
      label: fc.constantFrom('', 'negative', 'positive', 'sad'),
    }),
    { minLength: 100, maxLength: 400 },
  )
  const same = (text: string) =>
    text
      .toLowerCase()
      .replace(/http\S*|@\w+|[^a-z0-9 ]/g, '')
      .trim()
  fc.assert(
    fc.property(arbitrary, (rows) => {
      const all = rows.map(({ word, more, at, label }, id) => post(at, { id: `${id}`, text: `${more} ${word}`, label }))
      const cut = selectData(all, settings, seededRandom(1))
      if ('refused' in cut) return
      const unseen = new Set([...cut.heldOut, ...cut.golden].map(({ text }) => same(text)))
      expect(cut.train.filter(({ text }) => unseen.has(same(text)))).toEqual([])
      expect(cut.train.every(({ atMs }) => atMs < Date.parse(cut.facts.heldOutFrom))).toBe(true)
      const left = Object.values(cut.facts.leftOut).reduce((sum, count) => sum + count, 0)
      expect(cut.train.length + cut.heldOut.length + cut.golden.length + left).toBeLessThanOrEqual(all.length)
    }),
    { numRuns: 50 },
  )
})

test('labels that contradict each other, of one post or of two with the same words, are left out and counted', () => {
  const all = [
    ...posts(0, 200),
    post(50, { id: 'tied', text: 'tied', label: '' }),
    post(51, { id: 'a', text: 'Contested!', label: 'negative' }),
    post(52, { id: 'b', text: 'contested', label: 'positive' }),
    post(53, { id: 'c', text: 'of another model', label: 'joy' }),
    post(54, { id: 'd', text: '  ' }),
    post(55, { id: 'e', text: 'Post number 10!', label: 'negative' }),
  ]
  const { train, heldOut, facts } = selected(all)
  expect(facts.leftOut).toEqual({ contradictory: 3, repeated: 1, foreign: 1, textless: 1, beyondCap: 0 })
  expect([...train, ...heldOut].some(({ text }) => /contested/i.test(text))).toBe(false)
})

test('once the meaning of words has changed, older labels are neither replayed nor golden', () => {
  expect(selected(posts(0, 600), { meaningChanged: true }).facts).toMatchObject({ replayed: 0, golden: 0, train: 141 })
})

test('with a golden set of its own, every older post may be replayed; the cap holds', () => {
  const { facts } = selected(posts(0, 600), { keepGolden: false, mostPosts: 100 })
  expect(facts).toMatchObject({ train: 100, replayed: 50, golden: 0, leftOut: { beyondCap: 91 } })
})

test('a golden post stays golden as time goes on', () => {
  const before = selected(posts(0, 600)).golden.map(({ id }) => id)
  const after = selected(posts(0, 700)).golden.map(({ id }) => id)
  expect(after.slice(0, before.length)).toEqual(before)
})

describe('what cannot be trained on is refused with a reason', () => {
  test.each([
    ['no labels', [], 'no labelled post can be used'],
    ['ties only', posts(0, 100, () => ({ label: '' })), 'no labelled post can be used'],
    ['one class', posts(0, 300, () => ({ label: 'positive' })), 'all held-out labels are positive'],
    ['too few', posts(0, 60), 'would be held out'],
    ['one moment', posts(0, 300, () => ({ atMs: 5 })), 'older than the held-out ones'],
  ])('%s', (_title, all, reason) => {
    expect(refused(all)).toContain(reason)
  })
})
