import { expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { type Change, changed, type ReplayPost } from './change.ts'

const posts = Array.from(
  { length: 3000 },
  (_, n): ReplayPost => ({
    id: `p${n}`,
    text: `what great weather today @someone #sunshine https://example.com/abcd ${n}`,
    label: ['negative', 'neutral', 'positive'][n % 3],
    source: 'file',
    lang: 'en',
  }),
)
const after = (change: Partial<Change>) =>
  changed(posts, { kind: 'none', strength: 1, over: 0, ...change }, seededRandom(1))
const labelsOf = (all: readonly ReplayPost[]) =>
  Object.fromEntries(
    ['negative', 'neutral', 'positive'].map((name) => [name, all.filter(({ label }) => label === name).length]),
  )

test('no change is no change, and another source is what it is already', () => {
  expect(after({ kind: 'none' })).toEqual(posts)
  expect(after({ kind: 'source' })).toEqual(posts)
})

test('the mix: the other classes become rare, and nothing else changes', () => {
  expect(labelsOf(after({ kind: 'mix' }))).toEqual({ negative: 1000, neutral: 0, positive: 0 })
  const half = labelsOf(after({ kind: 'mix', strength: 0.5 }))
  expect(half.negative).toBe(1000)
  expect(half.positive).toBeGreaterThan(400)
  expect(half.positive).toBeLessThan(600)
})

test('the vocabulary: the same words give way to the same new ones; names, tags and links stay', () => {
  const [one, two] = after({ kind: 'vocabulary' })
  expect(one?.text).toMatch(/^[a-z]+ [a-z]+ [a-z]+ [a-z]+ @someone #sunshine https:\/\/example\.com\/abcd 0$/)
  expect(one?.text).not.toContain('weather')
  expect(two?.text.replace(/1$/, '0')).toBe(one?.text)
  expect(after({ kind: 'vocabulary' }).map(({ label }) => label)).toEqual(posts.map(({ label }) => label))
})

test('the concept: the same texts mean the opposite, and the middle stays', () => {
  const flipped = after({ kind: 'concept' })
  expect(flipped.map(({ text }) => text)).toEqual(posts.map(({ text }) => text))
  expect(flipped.slice(0, 3).map(({ label }) => label)).toEqual(['positive', 'neutral', 'negative'])
})

test('the language: no word is left, and the post says so', () => {
  const [post] = after({ kind: 'language' })
  expect(post).toMatchObject({ lang: 'xx', label: 'negative' })
  expect(post?.text).not.toMatch(/weather|great|today/)
})

test('a gradual change touches few posts first', () => {
  const flipped = after({ kind: 'concept', over: 2000 })
  const touched = (from: number, to: number) =>
    flipped.slice(from, to).filter(({ label }, n) => label !== posts[from + n]?.label).length
  expect(touched(0, 300)).toBeLessThan(touched(1000, 1300))
  expect(touched(2700, 3000)).toBe(200) // all but the neutral ones
})

test('without labels nothing can mean anything else', () => {
  const unlabelled = posts.map((post) => ({ ...post, label: undefined }))
  expect(changed(unlabelled, { kind: 'concept', strength: 1, over: 0 }, seededRandom(1))).toEqual(unlabelled)
})
