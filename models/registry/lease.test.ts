import { expect, test } from 'vitest'
import { DriftlineError } from '../../core/errors.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { type Documents, documentMoved, type Stored } from './documents.ts'
import { withLease } from './lease.ts'

const ttlMs = 30_000

/** The document of one lease; `answers` comes before each write is carried out. */
function documentsOf(answers: () => Promise<void> = async () => undefined): Documents {
  let stored: Stored | undefined
  return {
    read: async () => stored,
    async write(name, key, value, revision) {
      await answers()
      const found = stored?.revision ?? 0
      if (found !== revision) throw documentMoved(name, key, revision, found)
      stored = { revision: revision + 1, value }
      return revision + 1
    },
  }
}

function setup(documents = documentsOf()) {
  const clock = manualClock()
  const held = <T>(holder: string, work: (signal: AbortSignal) => Promise<T>) =>
    withLease(documents, 'tiny', 'lock', { holder, ttlMs, clock, signal: new AbortController().signal }, work)
  return { clock, held, documents }
}

/** Work that goes on until its signal is aborted, and says when that was. */
const untilAborted = (now: () => number) => (signal: AbortSignal) =>
  new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(now())))

test('one holds it at a time, however long that takes, and the next has it at once when it is given back', async () => {
  const { clock, held } = setup()
  const long = held('ann', (signal) => clock.sleep(10 * ttlMs, signal))
  for (let look = 0; look < 9; look++) {
    await clock.advance(ttlMs)
    expect(await held('bob', async () => 'mine')).toBeUndefined()
  }
  await clock.until(long)
  expect(await held('bob', async () => 'mine')).toBe('mine')
})

test('one that died is succeeded when its time is over, and not before', async () => {
  const { clock, held, documents } = setup()
  await documents.write('tiny', 'lock', { schema: 1, holder: 'ann', untilMs: ttlMs }, 0)
  await clock.advance(ttlMs - 1)
  expect(await held('bob', async () => 'mine')).toBeUndefined()
  await clock.advance(1)
  expect(await held('bob', async () => 'mine')).toBe('mine')
})

test('who is succeeded in spite of all hears of it', async () => {
  const { clock, held, documents } = setup()
  const lost = held('ann', untilAborted(clock.now))
  await clock.advance(1)
  await documents.write('tiny', 'lock', { schema: 1, holder: 'bob', untilMs: 2 * ttlMs }, 1)
  expect(await clock.until(lost)).toBeLessThan(ttlMs)
})

test.each([
  ['does not answer', () => new Promise<void>(() => undefined)],
  ['is away', () => Promise.reject(new DriftlineError('REGISTRY_UNAVAILABLE'))],
])('the work ends before the lease does when the store %s', async (_, answers) => {
  let writes = 0
  const { clock, held } = setup(documentsOf(() => (writes++ === 0 ? Promise.resolve() : answers())))
  const work = held('ann', untilAborted(clock.now))
  await clock.advance(ttlMs - 1)
  const endedMs = await Promise.race([work, Promise.resolve('it goes on')])
  expect(endedMs).toBeLessThan(ttlMs)
})

test('who is done is not held up by a store that does not answer', async () => {
  let writes = 0
  const { clock, held } = setup(documentsOf(() => (writes++ === 0 ? Promise.resolve() : new Promise(() => undefined))))
  const done = held('ann', async () => 'done')
  await clock.advance(ttlMs)
  expect(await Promise.race([done, Promise.resolve('it waits')])).toBe('done')
})

test('one that is written too late is not begun', async () => {
  const clock = manualClock()
  const documents = documentsOf(() => clock.sleep(ttlMs))
  const options = { holder: 'ann', ttlMs, clock, signal: new AbortController().signal }
  const begun = withLease(documents, 'tiny', 'lock', options, async () => 'mine')
  begun.catch(() => undefined)
  await expect(clock.until(begun)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
})

test('a document that is no lease is named', async () => {
  const { held, documents } = setup()
  await documents.write('tiny', 'lock', 'not mine', 0)
  const named = { code: 'REGISTRY_INVALID', details: { model: 'tiny', document: 'lock' } }
  await expect(held('ann', async () => 'mine')).rejects.toMatchObject(named)
})
