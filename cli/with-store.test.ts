import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { startStoreProcess } from '../clickhouse/embedded/start.ts'
import type { Verification } from '../jobs/score/verify.ts'
import { eventually, Workplace } from '../test/integration/driftline.ts'

const place = new Workplace()
afterAll(() => place[Symbol.asyncDispose]())

test('a verb that comes while the store of another one stops waits for it, and starts one of its own', async () => {
  const options = { data: place.data, port: 0, anyPort: true, database: 'driftline', logLevel: 'silent' }
  const stopping = await startStoreProcess(options)
  rmSync(`${place.data}/store.json`) // the first thing that a store does when it stops
  const verb = place.start('verify', '--json')
  await eventually(() => (verb.stderr().includes('not started') ? true : undefined))
  await stopping[Symbol.asyncDispose]()
  const { code, stdout } = await verb.ended
  expect(code).toBe(0)
  expect(JSON.parse(stdout) as Verification).toMatchObject({ ok: true, appended: 0 })
})
