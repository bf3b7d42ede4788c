import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import { openEventLog } from './open-log.ts'

test('without brokers the log is the embedded one, in the data folder', async () => {
  const data = mkdtempSync(join(tmpdir(), 'driftline-open-log-'))
  const log = await openEventLog(loadConfig({ data }, {}, data).config, silentLog)
  expect(log.kind).toBe('lmdb')
  expect(existsSync(join(data, 'log'))).toBe(true)
  await log[Symbol.asyncDispose]()
  rmSync(data, { recursive: true })
})

test('with brokers it says that Kafka comes later, instead of using another log in silence', async () => {
  const { config } = loadConfig({ kafkaBrokers: 'localhost:9092' }, {}, tmpdir())
  await expect(openEventLog(config, silentLog)).rejects.toThrow(/no Kafka connector yet/)
})
