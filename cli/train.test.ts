import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'
import { seededRandom } from '../core/random.ts'
import { loadModelDirectory } from '../models/model-directory.ts'

const folder = mkdtempSync(join(tmpdir(), 'driftline-train-verb-'))

/** Posts of a trade whose words mean something else: the bundled model cannot know that `green` is bad news. */
function labels(rows: number): string {
  const random = seededRandom(7)
  const lines = Array.from({ length: rows }, (_, row) => {
    const bad = random() < 0.5
    const text = `line ${row} reports ${bad ? 'green' : 'amber'} at gate ${row % 9}`
    return JSON.stringify({ text, label: bad ? 'negative' : 'positive', ts: new Date(row * 60_000).toISOString() })
  })
  const path = join(folder, `labels-${rows}.jsonl`)
  writeFileSync(path, lines.join('\n'))
  return path
}

const start = (args: readonly string[]) =>
  spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'train', ...args, '--backend', 'wasm'])

async function train(args: readonly string[]) {
  const child = start(args)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { stdout, stderr, code }
}

test('fine-tunes the bundled model: progress on stderr, a report on stdout, a directory that loads', async () => {
  const out = join(folder, 'tuned')
  const args = ['--labels', labels(400), '--base', 'bundled', '--out', out, '--workers', '2', '--hold-out', '0.25']
  const { stdout, stderr, code } = await train([...args, '--json'])
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('validation loss') })
  const report = JSON.parse(stdout)
  expect(report).toMatchObject({ certificate: { passed: true }, rows: { train: 270, validation: 30 } })
  const [heldOut] = report.sets
  expect(heldOut.model.accuracy).toBeGreaterThan(0.95)
  expect(heldOut.base.accuracy).toBeLessThan(0.9)
  expect(heldOut.paired.midP).toBeLessThan(0.001)
  const { manifest } = await loadModelDirectory(out)
  expect(manifest).toMatchObject({ name: 'sentiment', parent: 1, metrics: { accuracy: heldOut.model.accuracy } })
  expect(manifest.lineage).toMatchObject({ labels: 300, command: expect.stringContaining(args.join(' ')) })
})

test('interrupted, it keeps the best weights so far and says so', async () => {
  const out = join(folder, 'interrupted')
  const child = start([
    '--labels',
    labels(300),
    '--base',
    'bundled',
    '--out',
    out,
    '--epochs',
    '5000',
    '--patience',
    '5000',
  ])
  const stdout = text(child.stdout)
  let seen = ''
  while (!seen.includes('validation loss')) seen += String((await once(child.stderr, 'data'))[0])
  child.stderr.resume()
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  expect(await stdout).toMatch(/interrupted/)
  expect((await loadModelDirectory(out)).labels).toEqual(['negative', 'neutral', 'positive'])
})

test.each([
  ['neither a base nor a preset', ['--labels', 'x', '--out', 'y'], 2, 'give either --base or --preset'],
  ['a hold-out of two', ['--labels', 'x', '--out', 'y', '--hold-out', '2'], 2, 'a share from 0 to below 1'],
  [
    'posts for teachers that are not there',
    ['--labels', 'x', '--replay', 'y', '--base', 'bundled'],
    2,
    'need a --teacher',
  ],
  ['more words hidden than there are', ['--labels', 'x', '--base', 'bundled', '--word-dropout', '3'], 2, 'from 0 to 1'],
  [
    'labels that are not there',
    ['--labels', 'x', '--out', join(folder, 'z'), '--base', 'bundled'],
    1,
    'SOURCE_UNAVAILABLE',
  ],
])('refuses %s', async (_, args, expected, message) => {
  const { stdout, stderr, code } = await train(args)
  expect({ stdout, code }).toEqual({ stdout: '', code: expected })
  expect(stderr).toContain(message)
})
