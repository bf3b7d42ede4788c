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

test('with brokers it is Kafka, and opening it connects to nothing yet', async () => {
  const { config } = loadConfig({ kafkaBrokers: '127.0.0.1:1' }, {}, tmpdir())
  const log = await openEventLog(config, silentLog)
  expect(log.kind).toBe('kafka')
  await log[Symbol.asyncDispose]()
})

test.each([
  [{ kafkaBrokers: 'a b:9092' }, /not host:port: "a b:9092"/],
  [{ kafkaBrokers: ', ,' }, /names no broker/],
  [{ kafkaBrokers: 'a', kafkaTlsCa: '/nowhere/ca.pem' }, /kafkaTlsCa: .*no such file/],
  [{ kafkaBrokers: 'a', kafkaSasl: 'plain' }, /needs kafkaUser/],
])('a setting of Kafka that cannot work is named: %j', async (settings, message) => {
  const { config } = loadConfig(settings, {}, tmpdir())
  await expect(openEventLog(config, silentLog)).rejects.toThrow(message)
})
