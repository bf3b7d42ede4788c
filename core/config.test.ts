import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { configSchema, loadConfig } from './config.ts'

const emptyFolder = () => mkdtempSync(join(tmpdir(), 'driftline-config-'))

test('a flag wins over the environment, which wins over the file, which wins over the default', () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'driftline.config.json'), JSON.stringify({ port: 1, workers: 1, lingerMs: 1 }))
  const { config, origins } = loadConfig({ port: 3 }, { DRIFTLINE_PORT: '2', DRIFTLINE_WORKERS: '2' }, folder)
  expect(config).toMatchObject({ port: 3, workers: 2, lingerMs: 1, topic: 'posts' })
  expect(origins).toMatchObject({ port: 'flag', workers: 'environment', lingerMs: 'file', topic: 'default' })
})

test('a wrong value is named with the place it was set, and every one at once', () => {
  const load = () => loadConfig({}, { DRIFTLINE_PORT: '99999', DRIFTLINE_DEVICE: 'abacus' }, emptyFolder())
  expect(load).toThrow(/port \(from environment\).*device \(from environment\)/)
})

test('a misspelt key in the file is refused, not ignored', () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'driftline.config.json'), '{"prot": 1}')
  expect(() => loadConfig({}, {}, folder)).toThrow(/prot \(from file\): no such key/)
})

test('every setting says what it is for', () => {
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    expect(schema.description, key).toMatch(/\.$/)
  }
})
