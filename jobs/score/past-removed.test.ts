import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLmdbLog } from '../../connectors/lmdb-log.ts'
import { silentLog } from '../../core/log.ts'
import { manualClock } from '../../dataflow/testing/manual-clock.ts'
import { pastRemoved } from './past-removed.ts'

const { signal } = new AbortController()

test('a position that retention has passed goes on at the first record that is left; any other stays', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'driftline-removed-'))
  const clock = manualClock()
  await using log = openLmdbLog(folder, { clock, retention: { ageMs: 1000, bytes: 1e9 } })
  await log.createTopic('posts', 1)
  const writer = await log.sink<number>('test').open('0', signal)
  const append = (position: number) =>
    writer.write([{ topic: 'posts', key: null, value: Buffer.from(`post ${position}`) }], { position, states: {} })
  for (const position of [1, 2, 3]) await append(position)
  await clock.advance(2000)
  for (const position of [4, 5]) await append(position)
  await log.trim()
  expect(await log.ranges('posts')).toEqual([{ partition: 0, start: 3, end: 5 }])

  const source = log.source('posts', { untilEnd: true })
  await expect(source.open('0', 1, signal)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
  const accepting = pastRemoved(source, { topic: 'posts', eventLog: log, log: silentLog })
  const firstRead = async (from: number | undefined) => {
    await using reader = await accepting.open('0', from, signal)
    return (await reader.next(10))?.map(({ offset }) => offset)
  }
  expect(await firstRead(1)).toEqual([3, 4])
  expect(await firstRead(4)).toEqual([4])
  expect(await firstRead(undefined)).toEqual([3, 4])
  rmSync(folder, { recursive: true })
})
