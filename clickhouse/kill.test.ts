import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { loadConfig } from '../core/config.ts'
import { DriftlineError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { storeClient } from './client.ts'
import { startStoreProcess } from './embedded/start.ts'
import { insertGuarded } from './insert-guarded.ts'
import { select } from './queries.ts'
import { scoreRows } from './testing/score-rows.ts'

const cycles = Number(process.env.DRIFTLINE_KILL_CYCLES ?? 6)
const batch = 400

test(`the store killed inside inserts, ${cycles} times: no row is lost or doubled, and aggregates equal rows`, async () => {
  const data = mkdtempSync(join(tmpdir(), 'driftline-kill-'))
  const { config } = loadConfig({ data, storePort: 0 }, {}, data)
  const random = seededRandom(3)
  const acknowledged = [0, 0]
  let inside = 0
  try {
    for (let cycle = 0; cycle <= cycles; cycle += 1) {
      const store = await startStoreProcess({ data, port: 0, anyPort: true, database: 'driftline', logLevel: 'silent' })
      const client = storeClient(config)
      try {
        const resume = await select(client, 'resume', { topic: 'posts' })
        for (const [partition, expected] of acknowledged.entries()) {
          const found = resume.find((row) => row.partition === partition)
          expect(found?.next_offset ?? 0).toBeGreaterThanOrEqual(expected)
          expect(found?.next_offset ?? 0).toBe(found?.rows ?? 0)
          acknowledged[partition] = found?.next_offset ?? 0
        }
        expect(await select(client, 'verify_aggregates', { limit: 5 })).toEqual([])
        expect(await select(client, 'class_counts')).toEqual(await select(client, 'class_counts_view'))
        if (cycle === cycles) break
        const writers = acknowledged.map(async (from, partition) => {
          for (let first = from; ; first += batch) {
            // Each insert is sent twice, as after an answer that was lost.
            for (let time = 0; time < 2; time += 1) {
              await insertGuarded(
                client,
                'scores',
                { topic: 'posts', topicId: 'T', partition },
                scoreRows(first, batch, partition),
              )
            }
            acknowledged[partition] = first + batch
          }
        })
        const ended = Promise.allSettled(writers)
        // On a busy machine every kill but this one may come before the first answer.
        if (cycle === cycles - 1) while (Math.min(...acknowledged) === 0) await delay(10)
        await delay(150 + random() * 400)
        process.kill(store.pid, 'SIGKILL')
        for (const outcome of await ended) {
          if (outcome.status === 'rejected' && outcome.reason instanceof DriftlineError) inside += 1
          else if (outcome.status === 'rejected') throw outcome.reason
        }
      } finally {
        await client.close()
        await store[Symbol.asyncDispose]()
      }
    }
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
  expect(inside).toBe(cycles * acknowledged.length) // every writer was inside an insert when the store was killed
  expect(Math.min(...acknowledged)).toBeGreaterThan(0)
})
