import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { type JobStatus, writeStatus } from '../core/status.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'driftline-health-'))
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

async function health(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'health', ...args, '--json'], {
    env: { PATH: process.env.PATH, DRIFTLINE_DATA: data, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  return { code, ...JSON.parse(stdout) }
}

const written = (over: Partial<JobStatus>) =>
  writeStatus(data, {
    job: 'score',
    pid: 1,
    startedAt: 0,
    updatedAt: Date.now() + 3_600_000, // fresh however long the program takes to start
    state: 'ok',
    partitions: [],
    counts: {},
    rates: {},
    ...over,
  })

test.each([
  ['works', { state: 'ok' }, 0, 'ok'],
  ['waits for something outside', { state: 'waiting', reason: 'the store is away' }, 0, 'waiting: the store is away'],
  ['needs a person', { state: 'halted', reason: 'the topic is another' }, 1, 'halted: the topic is another'],
  ['is silent', { updatedAt: 1 }, 1, 'does not answer; its last words: ok'],
  ['was stopped', { state: 'stopped' }, 1, 'does not answer; its last words: stopped'],
] as const)('a job that %s', async (_, status, code, detail) => {
  await written(status)
  expect(await health(['score'])).toEqual({ part: 'score', code, healthy: code === 0, detail })
})

test('a job that never ran here, and one of which only another replica runs, are not healthy', async () => {
  await written({ replica: 'other' })
  expect(await health(['score'])).toMatchObject({ code: 1, detail: expect.stringContaining('no status') })
  expect(await health(['score'], { DRIFTLINE_REPLICA: 'mine' })).toMatchObject({ code: 1 })
  expect(await health(['score'], { DRIFTLINE_REPLICA: 'other' })).toMatchObject({ code: 0 })
})

test('a replica may be named after the host', async () => {
  await written({ replica: hostname() })
  expect(await health(['score'], { DRIFTLINE_REPLICA: 'auto' })).toMatchObject({ code: 0 })
})

test('the dashboard is asked itself', async () => {
  const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  expect(await health(['dashboard', '--port', String(port)])).toMatchObject({ code: 0, detail: 'answers' })
  server.close()
  await once(server, 'close')
  expect(await health(['dashboard', '--port', String(port)])).toMatchObject({
    code: 1,
    detail: expect.stringContaining(String(port)),
  })
})
