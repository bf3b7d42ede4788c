import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ConfigKey, configSchema, environmentName } from './config.ts'
import { packageRoot } from './package-root.ts'
import { codeRows } from './testing/markdown-table.ts'

/** The table of docs/configuration.md, as it must stand. */
const table = (Object.keys(configSchema.shape) as ConfigKey[]).map((key) => {
  const schema = configSchema.shape[key]
  const preset = schema.parse(undefined)
  const shown = preset === undefined ? 'unset' : String(preset) === '' ? 'empty' : `\`${preset}\``
  return [`\`${key}\``, `\`${environmentName(key)}\``, shown, schema.description ?? '']
})

test('docs/configuration.md tells of each setting its variable, default and sentence, and of no other', () => {
  const page = readFileSync(join(packageRoot, 'docs/configuration.md'), 'utf8')
  expect(codeRows(page)).toEqual(table)
})
