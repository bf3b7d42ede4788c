import fc from 'fast-check'
import { expect, test } from 'vitest'
import { named, plan } from './labels-plan.ts'
import type { GivenLabel } from './labels-row.ts'

const given = (over: Partial<GivenLabel>): GivenLabel => ({
  postId: 'p',
  label: 'a',
  by: undefined,
  atMs: undefined,
  probability: undefined,
  note: '',
  origin: undefined,
  text: undefined,
  eventAtMs: undefined,
  place: 'file x line 1',
  ...over,
})
const anyAnswer = fc
  .record({
    postId: fc.constantFrom('p', 'q', 'r'),
    label: fc.constantFrom('a', 'b', 'c'),
    by: fc.constantFrom(undefined, 'ada', 'ben'),
    atMs: fc.constantFrom(undefined, 10, 20, 30),
    note: fc.constantFrom('', 'x'),
    probability: fc.constantFrom(undefined, 0.1, 1),
  })
  .map(given)
const nothing = { existing: [], posts: [] }

test('nameless rows that contradict each other are different people; equal ones are one', () => {
  const { answers, repeated } = named([given({}), given({ label: 'b' }), given({}), given({ label: 'b' })], 'file')
  expect(answers.map(({ by, label }) => [by, label])).toEqual([
    ['file', 'a'],
    ['file#2', 'b'],
  ])
  expect(repeated).toBe(2)
})

test('of a named person the newest counts, and of equally old ones the last', () => {
  const rows = [given({ by: 'ada', atMs: 20 }), given({ by: 'ada', atMs: 10, label: 'b' })]
  expect(named(rows, 'file')).toMatchObject({ answers: [{ label: 'a' }], replaced: 1 })
  const equal = [given({ by: 'ada', atMs: 20 }), given({ by: 'ada', atMs: 20, label: 'b' })]
  expect(named(equal, 'file')).toMatchObject({ answers: [{ label: 'b' }], replaced: 1 })
})

test('whatever a file holds, taking it in again changes nothing', () => {
  fc.assert(
    fc.property(fc.array(anyAnswer, { maxLength: 12 }), (rows) => {
      const first = plan(named(rows, 'file').answers, nothing, 'import', 100)
      const existing = first.rows.map(({ labelled_at, event_at, ...row }) => ({
        ...row,
        labelled_at_ms: labelled_at,
        event_at_ms: event_at,
      }))
      const again = plan(named(rows, 'file').answers, { existing, posts: [] }, 'import', 200)
      expect(again).toMatchObject({ rows: [], added: 0, changed: 0, disagreements: first.disagreements })
      expect(first.added + first.changed).toBe(first.rows.length)
    }),
  )
})

test('a post that has become known completes its answer', () => {
  const existing = [
    {
      post_id: 'p',
      labelled_by: 'file',
      labelled_at_ms: 100,
      label: 'a',
      text: '',
      event_at_ms: 0,
      origin: 'import' as const,
      selection_probability: 1,
      note: '',
    },
  ]
  const posts = [{ post_id: 'p', text: 'here', event_at_ms: 50, selection_probability: 0 }]
  const { answers } = named([given({ atMs: 100 })], 'file')
  expect(plan(answers, { existing, posts }, 'import', 200)).toMatchObject({
    changed: 1,
    unknownPosts: 0,
    rows: [{ text: 'here', event_at: 50, labelled_at: 100 }],
  })
})
