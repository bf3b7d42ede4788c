import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'

let folder: string
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What .ci/recap.sh says of suites that printed this, or `undefined` for one that never began. */
function recap(suites: Readonly<Record<string, string | undefined>>): string[] {
  folder = mkdtempSync(join(tmpdir(), 'driftline-recap-'))
  for (const [suite, output] of Object.entries(suites)) {
    if (output !== undefined) writeFileSync(join(folder, suite), output)
  }
  const args = [join(packageRoot, '.ci/recap.sh'), folder, ...Object.keys(suites)]
  return execFileSync('bash', args, { encoding: 'utf8' }).trimEnd().split('\n')
}

test('each suite is a line of counts, and the last line is their sum', () => {
  const tests = ' Test Files  199 passed (199)\n      Tests  3224 passed | 1 skipped (3225)\n   Start at  09:29:24\n'
  const browser = ' Test Files  2 passed (2)\n      Tests  41 passed (41)\n'
  expect(recap({ tests, browser })).toEqual([
    'tests: 3224 passed, 0 failed, 1 skipped',
    'browser: 41 passed, 0 failed',
    '3265 passed, 0 failed, 1 skipped',
  ])
})

test.each([
  ['Tests  41 passed (41)', '41 passed, 0 failed'],
  ['Tests  3 failed (3)', '0 passed, 3 failed'],
  ['Tests  2 skipped (2)', '0 passed, 0 failed, 2 skipped'],
  ['Tests  1 failed | 26 passed (27)', '26 passed, 1 failed'],
  ['Tests  10 failed | 20 passed | 3 skipped | 4 todo (37)', '20 passed, 10 failed, 7 skipped'],
])('of %s it makes %s', (line, counts) => {
  expect(recap({ s3: `      ${line}\n` })).toEqual([`s3: ${counts}`, counts])
})

test('a file whose set-up failed is a failure, though each of its tests was skipped', () => {
  const s3 = ' Test Files  1 failed | 1 passed (2)\n      Tests  15 passed | 12 skipped (27)\n'
  expect(recap({ s3 })[0]).toBe('s3: 15 passed, 1 failed, 12 skipped')
})

test('an error outside a test is a failure', () => {
  const s3 = ' Test Files  2 passed (2)\n      Tests  27 passed (27)\n     Errors  1 error\n'
  expect(recap({ s3 })[0]).toBe('s3: 27 passed, 1 failed')
})

test('a suite that broke off, found no test or never began says so, and the sum is not without a failure', () => {
  const tests = ' ✓ core/clock.test.ts (3 tests) 5ms\n'
  const browser = '      Tests  no tests\n'
  expect(recap({ tests, browser, s3: undefined })).toEqual([
    'tests: did not run to its end',
    'browser: did not run to its end',
    's3: was not reached',
    '0 passed, 3 failed',
  ])
})

test('what this machine cannot test is said, and is no failure', () => {
  const tensorflow = 'not tested here: the tensorflow backend, which needs python3 with pip\n'
  expect(recap({ s3: '      Tests  27 passed (27)\n', tensorflow }).slice(1)).toEqual([
    'tensorflow: not tested here: the tensorflow backend, which needs python3 with pip',
    '27 passed, 0 failed',
  ])
})
