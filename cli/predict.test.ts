import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'

const bag = join(packageRoot, 'test/fixtures/models/bag')

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'predict', ...args], {
    env: { PATH: process.env.PATH, DRIFTLINE_MODEL: bag, ...env },
  })
}

async function predict(args: readonly string[], input = '', env: NodeJS.ProcessEnv = {}) {
  const child = start(args, env)
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}

test('a text gets every class with its share, the likeliest first', async () => {
  const { stdout, stderr, code } = await predict(['the', 'best flight'])
  expect(stdout.split('\n').slice(0, 3)).toEqual([
    expect.stringMatching(/^\w+ +\d+ % █+·+$/),
    expect.stringMatching(/^\w+ +\d+ % █+·+$/),
    expect.stringMatching(/^\w+ +\d+ % █+·+$/),
  ])
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
})

test('each line of stdin becomes a line of JSON, in order; what cannot be scored says why and fails the command', async () => {
  const lines = Array.from({ length: 3000 }, (_, index) => `the flight ${index}`)
  const input = ['', ...lines, ' ', 'a poison pill', 'the end'].join('\r\n')
  const { stdout, code } = await predict(['--json', '-'], input)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(rows.map((row) => row.text)).toEqual([...lines, 'a poison pill', 'the end'])
  expect(rows[7]).toMatchObject({ label: expect.any(String), tokens: 3, unknownTokens: 0 })
  expect(Object.keys(rows[7].probabilities)).toEqual(['negative', 'neutral', 'positive'])
  expect(rows.at(-2)).toMatchObject({ code: 'INFERENCE_FAILED', error: expect.any(String) })
  expect(code).toBe(1)
})

test('a line is answered before the next one comes', async () => {
  const child = start(['--json', '-'])
  const answers = child.stdout[Symbol.asyncIterator]()
  for (const line of ['good', 'bad']) {
    child.stdin.write(`${line}\n`)
    expect(JSON.parse(String((await answers.next()).value))).toMatchObject({ text: line })
  }
  child.stdin.end()
  expect(await once(child, 'close')).toEqual([0, null])
})

test('Ctrl-C ends it while it waits for a line', async () => {
  const child = start(['-'])
  child.stdin.write('good\n')
  await once(child.stdout, 'data')
  child.kill('SIGINT')
  expect(await once(child, 'close')).toEqual([130, null])
})

test('a reader that has seen enough is no failure', async () => {
  const child = start(['-'])
  child.stdin.on('error', () => undefined) // it ends before it has read everything
  const stderr = text(child.stderr)
  child.stdin.end('good\n'.repeat(200_000))
  await once(child.stdout, 'data')
  child.stdout.destroy()
  expect(await once(child, 'close')).toEqual([0, null])
  expect(await stderr).toBe('')
})

test('a directory that is no model is refused with what is missing', async () => {
  const { stderr, code } = await predict(['--model', packageRoot, 'hello'])
  expect(stderr).toContain('MODEL_INVALID')
  expect(stderr).toContain('manifest.json')
  expect(code).toBe(1)
})

test('without a text it is wrong use', async () => {
  expect(await predict([])).toMatchObject({ code: 2, stderr: expect.stringContaining('text') })
})

test('onnxruntime keeps and sends nothing about the models that run here', async () => {
  const place = mkdtempSync(join(tmpdir(), 'driftline-telemetry-'))
  const { code } = await predict(['a text'], '', { HOME: place, TMPDIR: place, DRIFTLINE_DATA: join(place, 'data') })
  expect(code).toBe(0)
  expect(readdirSync(place)).toEqual(['data']) // and no log, no id of this machine, no events that wait to be sent
  rmSync(place, { recursive: true })
})
