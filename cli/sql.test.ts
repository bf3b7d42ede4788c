import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { startStoreProcess } from '../clickhouse/embedded/start.ts'
import { packageRoot } from '../core/package-root.ts'

const data = mkdtempSync(join(tmpdir(), 'driftline-sql-'))
afterAll(() => rmSync(data, { recursive: true, force: true }))

async function driftline(...args: string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  try {
    const bin = join(packageRoot, 'bin/driftline.js')
    const done = await promisify(execFile)(process.execPath, [bin, ...args, '--data', data], { maxBuffer: 1 << 26 })
    return { ...done, code: 0 }
  } catch (error) {
    return error as { stdout: string; stderr: string; code: number }
  }
}

test('without a store one runs for as long as the statement takes', async () => {
  expect(await driftline('sql', 'SELECT 1 + 1')).toMatchObject({ stdout: '2\n', code: 0 })
  expect(existsSync(join(data, 'store.json'))).toBe(false)
})

test('a store that runs is used, and goes on running', async () => {
  const store = await startStoreProcess({ data, port: 0, anyPort: true, database: 'driftline', logLevel: 'silent' })
  expect(await driftline('sql', 'SELECT 1 AS a', '--format', 'CSVWithNames')).toMatchObject({ stdout: '"a"\n1\n' })
  expect(JSON.parse((await driftline('sql', 'SELECT 1 AS a', '--json')).stdout)).toMatchObject({ data: [{ a: 1 }] })
  const many = await driftline('sql', 'SELECT number FROM numbers(1000000)')
  expect(many.stdout.split('\n').length).toBe(1_000_001)
  const wrong = await driftline('sql', 'SELECT nothing')
  expect(wrong.code).toBe(1)
  expect(wrong.stderr).toContain('SQL_FAILED')
  const misspelt = await driftline('sql', 'SELECT 1 ADN 2')
  expect(misspelt.stderr).toMatch(/position 14 \(2\).+Expected one of/)
  const cut = await driftline('sql', 'SELECT 1 FROM system.one WHERE')
  expect(cut.stderr).toMatch(/position 31 \(end of query\)(?!.*OUTFILE ')/)
  expect((await driftline('sql', 'SELECT 2')).stdout).toBe('2\n')
  await store[Symbol.asyncDispose]()
})
