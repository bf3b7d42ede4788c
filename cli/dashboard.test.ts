import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { Part } from '../dashboard/protocol.ts'

const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

/** Starts the verb over an empty data folder, with a store address where nobody listens. */
function dashboard(flags: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const data = mkdtempSync(join(tmpdir(), 'driftline-dashboard-'))
  const child = spawn(
    process.execPath,
    [join(packageRoot, 'bin/driftline.js'), 'dashboard', '--data', data, ...flags],
    {
      cwd: data,
      env: { PATH: process.env.PATH, DRIFTLINE_CLICKHOUSE_URL: 'http://127.0.0.1:9', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  running.push(child)
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint += String(chunk)
  })
  const lines = createInterface({ input: child.stdout })
  const firstLine = async (): Promise<string> => String((await once(lines, 'line'))[0])
  const ended = once(child, 'close').then(([code]) => ({ code: Number(code), complaint }))
  return { child, firstLine, ended }
}

test('it starts without log, store or jobs, says where it is, and shows what it waits for', async () => {
  const { child, firstLine, ended } = dashboard(['--port', '0'])
  const url = await firstLine()
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
  expect(await (await fetch(url)).text()).toContain('<title>Driftline</title>')
  const ready = await fetch(`${url}readyz`)
  expect(ready.status).toBe(503)
  const { parts } = z.object({ parts: z.array(Part) }).parse(await ready.json())
  expect(parts.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'store waiting',
    'log ok',
    'ingest absent',
    'score absent',
  ])
  child.kill('SIGINT')
  expect((await ended).code).toBe(0)
})

test('a page that does not answer does not keep it from stopping', async () => {
  const { child, firstLine, ended } = dashboard(['--port', '0', '--json'])
  const { url } = JSON.parse(await firstLine())
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket' }
  const key = { 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }
  const asking = request(`${url}ws`, { headers: { ...upgrade, ...key } })
  asking.end()
  const [, socket] = await once(asking, 'upgrade')
  const closed = once(socket.resume(), 'close')
  child.kill('SIGTERM')
  expect((await ended).code).toBe(0)
  await closed
})

test('beyond this machine it does not start without a token', async () => {
  const { code, complaint } = await dashboard(['--host', '0.0.0.0', '--port', '0']).ended
  expect(code).toBe(2)
  expect(complaint).toContain('DRIFTLINE_TOKEN')
})

test('a port that was asked for and is busy is refused with what to do', async () => {
  const first = dashboard(['--port', '0'])
  const { port } = new URL(await first.firstLine())
  const { code, complaint } = await dashboard(['--port', port]).ended
  expect(code).toBe(1)
  expect(complaint).toContain('ADDRESS_UNAVAILABLE')
})

test('a browser is opened when asked for, and is not needed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'driftline-browser-'))
  const opened = join(folder, 'opened')
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  writeFileSync(join(folder, program), `#!/bin/sh\nprintf %s "$1" > ${opened}.part && mv ${opened}.part ${opened}\n`, {
    mode: 0o755,
  })
  const withBrowser = dashboard(['--port', '0', '--open-browser'], { PATH: `${folder}:${process.env.PATH}` })
  const url = await withBrowser.firstLine()
  await expect.poll(() => existsSync(opened) && readFileSync(opened, 'utf8')).toBe(url)

  const without = dashboard(['--port', '0', '--open-browser'], { PATH: '/nowhere' })
  expect((await fetch(`${await without.firstLine()}livez`)).status).toBe(200)
})
