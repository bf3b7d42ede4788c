import { expect, test } from 'vitest'
import { type Facts, outcomeOf, paired, type SimulatedPost, type SimulatedStep, unseenBy } from './report.ts'

//  time    0 ········ 100 (change) ········ 160 (promoted) ········ 200
//  right   always      half of them          always
const post = (at: number): SimulatedPost => ({
  post_id: `p${at}`,
  text: '',
  event_at_ms: at,
  given_label: 'yes',
  label: at < 100 || at >= 160 || at % 2 === 0 ? 'yes' : 'no',
  model_version: at < 160 ? 1 : 2,
  labelled: at % 10 === 0,
})
const step = (at_ms: number, state: string, reason: string): SimulatedStep => ({
  training_id: 't',
  at_ms,
  state,
  reason,
  from_version: 1,
  to_version: state === 'selecting' ? 0 : 2,
  labels: 10,
  gates_failed: [],
})
const check = (checkedAt: number, verdict: 'ok' | 'drift', compared = true) => ({
  checkedAt,
  windowTo: checkedAt - 2,
  verdict,
  headline: `at ${checkedAt}`,
  compared,
})
const facts: Facts = {
  changedAt: 100,
  posts: Array.from({ length: 200 }, (_, at) => post(at)),
  checks: [check(20, 'ok', false), check(50, 'ok'), check(80, 'drift'), check(110, 'ok'), check(120, 'drift')],
  steps: [step(130, 'selecting', 'drift'), step(160, 'promoted', 'good'), step(180, 'done', 'kept it')],
}

test('what was found, when, at what price and to what effect', () => {
  expect(outcomeOf(facts)).toMatchObject({
    falseAlarms: { checks: 2, alarms: 1 },
    detection: { posts: 18, checks: 2, seconds: 0.02, headline: 'at 120' },
    labels: { spent: 20, share: 0.1 },
    retrainings: [{ id: 't', version: 2, end: 'done', reason: 'kept it' }],
    promoted: { version: 2, posts: 60, seconds: 0.06 },
    accuracy: { before: { posts: 100, value: 1 }, during: { posts: 60, value: 0.5 }, after: { posts: 40, value: 1 } },
  })
})

test('without a change every alarm is a false one, and nothing was found', () => {
  const outcome = outcomeOf({ ...facts, changedAt: undefined, steps: [] })
  expect(outcome).toMatchObject({ falseAlarms: { checks: 4, alarms: 2 }, detection: undefined, promoted: undefined })
  expect(outcome.accuracy).toMatchObject({ before: { posts: 200 }, during: undefined, after: undefined })
})

test('the two versions are compared on posts that nobody labelled', () => {
  const unseen = unseenBy(2, 160, facts.posts)
  expect(unseen).toHaveLength(36)
  expect(
    paired(
      unseen,
      unseen.map((_, at) => (at % 2 === 0 ? 'yes' : 'no')),
    ),
  ).toMatchObject({ posts: 36, before: 0.5, after: 1 })
  expect(paired([], [])).toBeUndefined()
})
