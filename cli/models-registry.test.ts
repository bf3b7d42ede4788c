import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { loadModelDirectory, writeManifest } from '../models/model-directory.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-models-verbs-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function models(...args: readonly string[]) {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'models', ...args], {
    env: { PATH: process.env.PATH, DRIFTLINE_DATA: join(folder, 'data'), DRIFTLINE_MODEL: 'tiny-bag' },
  })
  child.stdin.end()
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}

/** The bag of the fixtures with its classes called the other way round, so that the two rarely agree. */
async function makeReversed(passed: boolean): Promise<string> {
  const source = join(packageRoot, 'test/fixtures/models/bag')
  const path = await mkdtemp(join(folder, 'reversed-'))
  for (const file of ['model.onnx', 'tokenizer.json']) await cp(join(source, file), join(path, file))
  const { manifest, labels } = await loadModelDirectory(source)
  const id2label = Object.fromEntries([...labels].reverse().map((label, id) => [id, label]))
  await writeFile(join(path, 'config.json'), JSON.stringify({ id2label }))
  await writeFile(join(path, 'certificate.json'), JSON.stringify({ passed }))
  const { schema: _, files: __, ...facts } = manifest
  await writeManifest(path, { ...facts, metrics: { accuracy: 0.5 } })
  return path
}

test('publish, promote, roll back: each says what changes, and the list shows it', async () => {
  expect(await models('publish', join(packageRoot, 'test/fixtures/models/bag'))).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('is tiny-bag@1'),
  })
  const refused = await models('promote', '1', '--reason', 'no certificate')
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('CERTIFICATE_MISSING') })
  expect(await models('promote', '1', '--dry-run')).toMatchObject({ code: 1, stdout: '', stderr: refused.stderr })
  expect(await models('publish', join(packageRoot, 'test/fixtures/models/external'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('MODEL_UNSAFE'),
  })
  expect(await models('promote', '1', '--force', '--reason', 'the first')).toMatchObject({ code: 0, stderr: '' })

  const reversed = await makeReversed(true)
  expect(JSON.parse((await models('publish', reversed, '--json')).stdout)).toMatchObject({ version: 2, created: true })
  const dry = await models('promote', 'tiny-bag@2', '--dry-run')
  expect(dry.stdout).toContain('tiny-bag champion: 1 → 2 (dry run')
  expect(dry.stdout).toContain('accuracy: – → 0.5')
  expect(dry.stdout).toContain(
    'certificate: missing → passed\n  gates: missing → missing\n  made of: no version → no version',
  )
  const listed = async () =>
    JSON.parse((await models('list', '--json')).stdout).map(
      ({ name, version, aliases }: { name: string; version: number; aliases: string[] }) =>
        `${name}@${version} ${aliases.join(' ')}`,
    )
  expect(await listed()).toEqual(['sentiment@1 champion', 'tiny-bag@1 champion', 'tiny-bag@2 '])
  expect((await models('promote', '2', '--reason', 'better')).stdout).toContain('tiny-bag champion: 1 → 2\n')
  expect(await listed()).toEqual(['sentiment@1 champion', 'tiny-bag@1 previous', 'tiny-bag@2 champion'])
  expect((await models('promote', '2')).stdout).toContain('already')
  const back = await models('rollback', '--force', '--reason', 'worse after all', '--json')
  expect(JSON.parse(back.stdout)).toMatchObject({
    from: 2,
    to: 1,
    outcome: 'changed',
    change: { by: expect.any(String) },
  })
  expect(await listed()).toEqual(['sentiment@1 champion', 'tiny-bag@1 champion', 'tiny-bag@2 previous'])
  expect((await models('list')).stdout).toMatch(/tiny-bag@1 .*champion/)
})

test('diff scores a file with both: agreement, flips, who is right, and examples', async () => {
  const file = join(folder, 'posts.jsonl')
  const posts = ['good day', 'bad day', 'good good', 'a day'].map((post) =>
    JSON.stringify({ text: post, label: 'none' }),
  )
  await writeFile(file, posts.join('\n'))
  const { stdout, code } = await models('diff', '1', '2', '--on', file, '--examples', '2', '--json')
  expect(code).toBe(0)
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ rows: 4, unscored: 0, labelled: { rows: 4, onlyFirst: 0, onlySecond: 0, midP: 1 } })
  expect(Object.values<number>(result.flips).reduce((sum, count) => sum + count, 0)).toBe(4 * (1 - result.agreement))
  const same = JSON.parse((await models('diff', '1', '1', '--on', file, '--json')).stdout)
  expect(same).toMatchObject({ agreement: 1, flips: {}, examples: [] })
  expect((await models('diff', '1', '2', '--on', file)).stdout).toContain('McNemar')
})

test('diff names the line that is no post, an empty file, and one that cannot be read', async () => {
  const file = join(folder, 'no-posts.jsonl')
  await writeFile(file, `${JSON.stringify({ text: 'a post' })}\n\n{"label":"positive"}\n`)
  const wrong = await models('diff', '1', '2', '--on', file)
  expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('line 3 is not a post') })
  await writeFile(file, '\n')
  expect(await models('diff', '1', '2', '--on', file)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no post'),
  })
  const missing = await models('diff', '1', '2', '--on', join(folder, 'missing.jsonl'))
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('SOURCE_UNAVAILABLE') })
})

test('a version in use is not deleted, one that nothing uses is, and gc says what stays and why', async () => {
  const again = await makeReversed(false)
  const { version } = JSON.parse((await models('publish', again, '--json')).stdout)
  const used = await models('delete', '1', '--reason', 'away with it')
  expect(used).toMatchObject({ code: 1, stderr: expect.stringContaining('VERSION_IN_USE') })
  expect(await models('delete', `${version}`)).toMatchObject({ code: 2, stderr: expect.stringContaining('reason') })
  const dry = await models('delete', `${version}`, '--reason', 'never used', '--dry-run')
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('would be removed') })
  const gone = await models('delete', `${version}`, '--reason', 'never used', '--json')
  expect(JSON.parse(gone.stdout)).toMatchObject({ version, outcome: 'removed', reason: 'never used' })
  expect(await models('show', `tiny-bag@${version}`)).toMatchObject({ code: 1 })

  await models('publish', again)
  const collected = await models('gc', 'tiny-bag', '--keep', '0', '--unused-days', '0', '--json')
  expect(JSON.parse(collected.stdout)).toMatchObject({
    removed: [{ model: 'tiny-bag', version: version + 1 }],
    kept: [{ version: 1, why: ['alias champion'] }, { version: 2 }],
    leftovers: [],
  })
})

test('keygen, sign, verify: a signature is asked for only with the keys whose signatures count', async () => {
  const key = join(folder, 'release.key')
  expect(await models('keygen', '--out', key)).toMatchObject({ code: 0, stdout: expect.stringContaining('ed25519:') })
  expect((await stat(key)).mode & 0o777).toBe(0o600)
  expect(await models('keygen', '--out', key)).toMatchObject({ code: 2 }) // never over a key
  expect(await models('verify', '2', '--require-signature')).toMatchObject({ code: 2 })
  const verify = ['verify', '2', '--require-signature', '--trusted-keys', `${key}.pub`]
  expect(await models(...verify)).toMatchObject({ code: 1, stdout: expect.stringContaining('it is not signed') })
  expect(await models('sign', '2', '--key', key)).toMatchObject({ code: 0 })
  expect(await models(...verify)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok +tiny-bag@2/) })
})

test('verify names a file that changed, and fails', async () => {
  expect(await models('verify')).toMatchObject({ code: 0 })
  const config = join(folder, 'data/registry/tiny-bag/versions/2/config.json')
  await writeFile(config, (await readFile(config, 'utf8')).toUpperCase())
  const { code, stdout } = await models('verify')
  expect(code).toBe(1)
  expect(stdout).toMatch(/ok {6}tiny-bag@1: .*\nNOT ok {2}tiny-bag@2: .*config\.json/)
  expect(await models('promote', '2')).toMatchObject({ code: 1, stderr: expect.stringContaining('MODEL_INVALID') })
})

test.each([
  ['promote', 'not/a/version'],
  ['promote', '1', '--data', ''],
  ['diff', '1', '2'],
  ['rollback', './directory'],
])('%s %s is wrong use', async (...args) => {
  expect(await models(...args)).toMatchObject({ code: 2, stdout: '' })
})

test.each([
  ['promote', '9'],
  ['rollback', 'unknown'],
])('%s %s: no such version', async (...args) => {
  expect(await models(...args)).toMatchObject({ code: 1, stderr: expect.stringContaining('VERSION_UNKNOWN') })
})
