import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbLog } from './lmdb-log.ts'
import { eventLogContract } from './testing/event-log-contract.ts'

eventLogContract('embedded log', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'driftline-log-'))
  const log = openLmdbLog(folder)
  return {
    log,
    topicName: (name) => name,
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
})
