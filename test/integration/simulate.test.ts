import { existsSync, readdirSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import type { SimulationReport } from '../../cli/simulate.ts'
import { Workplace } from './driftline.ts'

const place = new Workplace({})
afterAll(() => place[Symbol.asyncDispose]())

test('a change of the made-up stream is seen by the real jobs, and everything is accounted for', async () => {
  const report = await place.json<SimulationReport>(
    'simulate',
    ...[
      '--before',
      '1500',
      '--posts',
      '1500',
      '--minutes',
      '0.3',
      '--labels',
      '0.2',
      '--window',
      '300',
      '--label-delay',
      '1',
    ],
  )
  expect(report).toMatchObject({
    change: { kind: 'vocabulary', strength: 1, over: 0 },
    posts: { before: 1500, after: 1500, bad: 0 },
    detection: { checks: expect.any(Number), headline: expect.stringMatching(/^drift: /) },
  })
  expect(report.labels.spent).toBeGreaterThan(0)
  expect(report.labels.share).toBeLessThanOrEqual(0.3)
  expect(report.accuracy.before?.posts).toBe(1500)
  expect((report.accuracy.during?.posts ?? 0) + (report.accuracy.after?.posts ?? 0)).toBeLessThanOrEqual(1500)
  expect(report.accuracy.during?.value).toBeLessThan(report.accuracy.before?.value ?? 0)
  expect(readdirSync(place.temporary).filter((name) => name.startsWith('driftline-'))).toEqual([])
  expect(existsSync(place.data)).toBe(false) // the user's own data was not touched
})

test.each([
  ['a file that is not there', ['missing.jsonl'], 'missing.jsonl'],
  ['a change that does not exist', ['--change', 'weather'], 'weather'],
  ['a share that is none', ['--labels', '7'], '--labels'],
])('wrong use is told at once: %s', async (_, args, told) => {
  const { code, stderr } = await place.run('simulate', ...args)
  expect(code).toBeGreaterThan(0)
  expect(stderr).toContain(told)
})
