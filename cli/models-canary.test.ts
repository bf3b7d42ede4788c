import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { type JobStatus, writeStatus } from '../core/status.ts'
import { loadModelDirectory, writeManifest } from '../models/model-directory.ts'
import { openFileRegistry, registryFolder } from '../models/registry/file-registry.ts'
import { readTraffic } from '../models/registry/traffic.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-canary-verb-'))
  const registry = await openFileRegistry(registryFolder(folder))
  for (const passed of [true, true, true, false]) await registry.publish(await bag(passed))
  await registry.setAlias('tiny-bag', 'champion', 1, { expected: undefined, by: 'ann', reason: 'first' })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The bag of the fixtures, another version each time. */
async function bag(passed: boolean): Promise<string> {
  const source = join(packageRoot, 'test/fixtures/models/bag')
  const path = await mkdtemp(join(folder, 'bag-'))
  for (const file of ['model.onnx', 'tokenizer.json', 'config.json']) await cp(join(source, file), join(path, file))
  await writeFile(join(path, 'certificate.json'), JSON.stringify({ passed, path }))
  const { schema: _, files: __, ...facts } = (await loadModelDirectory(source)).manifest
  await writeManifest(path, facts)
  return path
}

async function canary(...args: readonly string[]) {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'models', 'canary', ...args], {
    env: { PATH: process.env.PATH, DRIFTLINE_DATA: folder, DRIFTLINE_MODEL: 'tiny-bag' },
  })
  child.stdin.end()
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}
const challengers = async () =>
  (await readTraffic(await openFileRegistry(registryFolder(folder)), 'tiny-bag')).challengers

/** What a job says that scores with another model, of which there is a version 2 as well. */
const ofAnotherModel = (): JobStatus => ({
  ...{ job: 'score', replica: 'other', pid: process.pid, startedAt: Date.now(), updatedAt: Date.now(), state: 'ok' },
  model: { name: 'other', version: 1, labels: ['no', 'yes'] },
  challengers: [{ version: 2, mode: 'shadow', share: 0.5, state: 'running', scored: 7, failed: 0, skipped: 0 }],
  partitions: [],
  counts: {},
  rates: {},
})

test('a challenger is started, changed, shown and ended', async () => {
  const dry = await canary('2', '--share', '10%', '--dry-run')
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringMatching(/not tried → canary of 10 % \(dry run/) })
  expect(await challengers()).toEqual([])
  expect(await canary('2', '--share', '10%', '--reason', 'a try')).toMatchObject({ code: 0, stderr: '' })
  expect(await challengers()).toMatchObject([
    { version: 2, mode: 'canary', share: 0.1, reason: 'a try', guard: { maxErrorRate: 0.01, minPosts: 500 } },
  ])
  const changed = await canary('tiny-bag@2', '--guard', 'errors=2%,p99=5', '--shadow', '--json')
  expect(JSON.parse(changed.stdout)).toMatchObject({
    outcome: 'changed',
    before: { mode: 'canary' },
    after: { mode: 'shadow', share: 0.1, guard: { maxErrorRate: 0.02, maxP99Ratio: 5, maxClassShift: 0.1 } },
  })
  await canary('2', '--share', '0.3')
  expect(await challengers()).toMatchObject([{ mode: 'shadow', share: 0.3 }])
  await writeStatus(folder, ofAnotherModel())
  expect((await canary()).stdout).toMatch(/tiny-bag@2: shadow of 30 %, no job runs it\n {2}0 posts scored/)
  expect(await canary('2', '--stop', '--reason', 'enough')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/ended/),
  })
  expect((await canary()).stdout).toMatch(/no challengers\ntiny-bag@2: ended .*: enough/)
})

test('wrong use is said, and changes nothing', async () => {
  const wrong = [
    ['2'],
    ['--share', '10%'],
    ['2', '--share', '101%'],
    ['2', '--share', '10%', '--guard', 'speed=3'],
    ['2', '--share', '10%', '--stop'],
    ['1', '--share', '10%'],
  ]
  const answers = await Promise.all(wrong.map((args) => canary(...args)))
  expect(answers.map(({ code, stdout }) => ({ code, stdout }))).toEqual(wrong.map(() => ({ code: 2, stdout: '' })))
  expect(await challengers()).toEqual([])
})

test('what cannot be had is refused', async () => {
  expect(await canary('9', '--share', '10%')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('VERSION_UNKNOWN'),
  })
  const uncertified = await canary('4', '--share', '10%')
  expect(uncertified).toMatchObject({ code: 1, stderr: expect.stringContaining('CERTIFICATE_MISSING') })
  expect(await canary('4', '--share', '10%', '--shadow')).toMatchObject({ code: 0 })
  await canary('2', '--share', '70%')
  expect(await canary('3', '--share', '40%')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('TRAFFIC_TAKEN'),
  })
})
