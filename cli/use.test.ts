import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configSchema } from '../core/config.ts'
import { packageRoot } from '../core/package-root.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'driftline-use-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the program in an empty folder, with the default data folder. */
async function driftline(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, stdout, stderr }
}

test('--help lists the verbs, and that of each tells its use and leaves nothing behind', async () => {
  const listed = (await driftline(['--help'])).stdout.split('\nCommands:\n')[1] ?? ''
  const verbs = [...listed.matchAll(/^ {2}([a-z]+) /gm)].flatMap(([, verb = '']) => (verb === 'help' ? [] : [verb]))
  expect(verbs).toEqual(expect.arrayContaining(['demo', 'up', 'score', 'drift', 'models', 'sql']))
  await Promise.all(
    verbs.map(async (verb) => {
      const { code, stdout, stderr } = await driftline([verb, '--help'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(new RegExp(`^Usage: driftline ${verb} `))
      expect(stdout).toMatch(/--data <folder>|^Commands:/m) // those that group others have no options of their own
    }),
  )
  expect(readdirSync(folder)).toEqual([])
})

const noFolder = { DRIFTLINE_DATA: process.execPath }

test.each([
  ['no verb that exists', ['frobnicate'], {}, 'frobnicate'],
  ['no verb at all', [], {}, 'Usage:'],
  ['an option that does not exist', ['score', '--fast'], {}, '--fast'],
  ['no such verb within one', ['drift', 'stauts'], {}, "unknown command 'stauts'"],
  ['an argument too many', ['verify', 'posts'], {}, 'too many arguments'],
  ['a source that does not exist', ['up', '--source', 'mars'], {}, 'mars'],
  ['an option without its value', ['score', '--topic'], {}, '--topic'],
  ['a value of the wrong kind', ['score', '--workers', 'many'], {}, 'workers (from flag)'],
  ['a store in a file', ['sql', 'SELECT 1'], noFolder, 'the data folder cannot be used'],
  ['a registry in a file', ['models', 'list'], noFolder, 'the data folder cannot be used'],
  ['all parts in a file', ['up'], noFolder, 'the data folder cannot be used'],
  ['a count that is none', ['drift', 'status', '--checks', 'many'], {}, 'whole number'],
  ['a number out of range', ['score', '--batch-posts', '0'], {}, 'batchPosts (from flag)'],
  ['a variable of the wrong kind', ['verify'], { DRIFTLINE_STORE_PORT: '70000' }, 'storePort (from environment)'],
])('wrong use is told and exits with 2, and nothing is left behind: %s', async (_, args, env, told) => {
  const { code, stdout, stderr } = await driftline(args, env)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(told)
  expect(stderr).not.toContain(' at ') // no stack: it is no bug of ours
  expect(readdirSync(folder)).toEqual([])
})

test('output that cannot be written is a failure, and told without a stack', async ({ skip }) => {
  if (!existsSync('/dev/full')) skip('this system has no device that is always full; Linux has, where CI runs')
  const bin = join(packageRoot, 'bin/driftline.js')
  const child = spawn('sh', ['-c', 'exec "$0" "$1" config > /dev/full', process.execPath, bin], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'driftline: the output cannot be written: ENOSPC: no space left on device, write\n',
  })
})

test('with --json a failure is JSON too', async () => {
  const { code, stderr } = await driftline(['verify', '--json', '--store-port', 'x'], { DRIFTLINE_WORKERS: '-1' })
  expect(code).toBe(2)
  expect(stderr).not.toBe('')
  const failed = await driftline(['verify', '--json'], { DRIFTLINE_WORKERS: '-1' })
  expect(JSON.parse(failed.stderr)).toMatchObject({ code: 'CONFIG_INVALID', error: expect.stringContaining('workers') })
})

test('config tells each setting, its value and where it came from, and masks secrets', async () => {
  writeFileSync(join(folder, 'driftline.config.json'), JSON.stringify({ partitions: 7, clickhousePassword: 'geheim' }))
  const { stdout, code } = await driftline(['config', '--json', '--data', 'here'], { DRIFTLINE_TOPIC: 'tweets' })
  expect(code).toBe(0)
  expect(stdout).not.toContain('geheim')
  const rows: { key: string; value: unknown; origin: string }[] = JSON.parse(stdout)
  expect(rows.map(({ key }) => key)).toEqual(Object.keys(configSchema.shape))
  const found = Object.fromEntries(rows.map(({ key, value, origin }) => [key, [value, origin]]))
  expect(found).toMatchObject({
    data: [join(folder, 'here'), 'flag'],
    topic: ['tweets', 'environment'],
    partitions: [7, 'file'],
    clickhousePassword: ['********', 'file'],
    batchPosts: [configSchema.shape.batchPosts.parse(undefined), 'default'],
  })
  const url = 'http://me:geheim@db.example:8123/'
  const plain = await driftline(['config'], { DRIFTLINE_TOPIC: 'tweets', DRIFTLINE_CLICKHOUSE_URL: url })
  expect(plain.stdout).toContain('clickhouseUrl = http://me:********@db.example:8123/  [environment]')
  expect(plain.stdout).toContain('topic = tweets  [environment]')
  expect(plain.stdout).toContain('DRIFTLINE_TOPIC')
})

describe('doctor', () => {
  const bag = join(packageRoot, 'test/fixtures/models/bag')
  const env = { DRIFTLINE_MODEL: bag, DRIFTLINE_PORT: '0', DRIFTLINE_STORE_PORT: '0' }
  const checks = ['node', 'data folder', 'memory', 'event log', 'ClickHouse', 'model', 'page port']

  test('tries each part for real', async () => {
    const { stdout } = await driftline(['doctor', '--json'], env)
    const findings: { check: string; ok: boolean; detail: string }[] = JSON.parse(stdout)
    expect(findings.map(({ check }) => check)).toEqual(checks)
    const detail = Object.fromEntries(findings.map(({ check, detail }) => [check, detail]))
    expect(detail.node).toContain(process.version)
    expect(detail['event log']).toBe('opens; no topics yet')
    expect(detail.ClickHouse).toMatch(/^\d+\.\d+.*, embedded$/)
    expect(detail.model).toMatch(/^tiny-bag v1.* on cpu, classes negative, neutral, positive$/)
  })

  test('says what is missing and what to do, and exits with 1', async () => {
    const { code, stdout } = await driftline(['doctor', '--model', folder], {
      ...env,
      DRIFTLINE_CLICKHOUSE_URL: 'http://default:geheim@127.0.0.1:1',
    })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^MISSING {2}ClickHouse: /m)
    expect(stdout).not.toContain('geheim')
    expect(stdout).toMatch(/^ok {7}event log: /m)
    expect(stdout).toMatch(/^MISSING {2}model: .*manifest\.json/m)
    expect(stdout).toContain('It needs model.onnx')
  })
})
