import { expect, test } from 'vitest'
import { DriftlineError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { flow } from './flow.ts'
import { type RunOptions, run } from './run.ts'
import { arraySink } from './testing/array-sink.ts'
import { manualClock } from './testing/manual-clock.ts'
import { CRASH, failure, PAUSE, ScriptedCrash, scripted } from './testing/scripted-source.ts'

const options = (): RunOptions => ({ random: seededRandom(1) })

test('items travel from every partition to the sink, and the flow ends', async () => {
  const source = scripted<number>({ a: [1, 2, PAUSE, 3], b: [4] })
  const sink = arraySink<number>()
  const result = await run(flow('copy').from('in', source, { maxItems: 2 }).to('out', sink), options()).done
  expect(sink.rows('a')).toEqual([1, 2, 3])
  expect(sink.rows('b')).toEqual([4])
  expect(result).toEqual({
    outcome: 'ended',
    lanes: [
      { partition: 'a', state: 'ended', position: 3, error: undefined },
      { partition: 'b', state: 'ended', position: 1, error: undefined },
    ],
  })
})

test('after a crash the flow goes on at the last checkpoint', async () => {
  const source = scripted<number>({ a: [1, 2, CRASH, 3] })
  const sink = arraySink<number>()
  const once = () => run(flow('copy').from('in', source, { maxItems: 1 }).to('out', sink), options()).done
  await expect(once()).rejects.toThrow(ScriptedCrash)
  await once()
  expect(sink.rows('a')).toEqual([1, 2, 3])
})

test('a source that is away is opened again from the last checkpoint', async () => {
  const away = () => failure(new DriftlineError('SOURCE_UNAVAILABLE'))
  const source = scripted<number>({ a: [1, away(), 2, away(), away(), 3] })
  const sink = arraySink<number>()
  const clock = manualClock()
  const started = run(flow('copy').from('in', source).to('out', sink), { ...options(), clock })
  await clock.until(started.done)
  expect(sink.rows('a')).toEqual([1, 2, 3])
  expect(started.stats().lanes[0]).toMatchObject({ state: 'ended', retries: 3, error: { code: 'SOURCE_UNAVAILABLE' } })
})
