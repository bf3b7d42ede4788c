import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { alertKeys } from './alert-settings.ts'
import { loadConfig, shown } from './config.ts'
import { packageRoot } from './package-root.ts'
import { codeRows } from './testing/markdown-table.ts'

const folder = mkdtempSync(join(tmpdir(), 'driftline-alert-settings-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const load = (settings: object) => {
  writeFileSync(join(folder, 'driftline.config.json'), JSON.stringify(settings))
  return loadConfig({}, {}, folder)
}
const lag = { name: 'late', kind: 'lag', seconds: 10 }
const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`
const team = { name: 'team', url: 'https://hooks.example.org/services/T0/B1/path-is-a-secret', secrets: [secret] }

test('rules and webhooks are read from the file, with their defaults', () => {
  const { config } = load({ alertRules: [lag], alertWebhooks: [team] })
  expect(config.alertRules).toMatchObject([
    { ...lag, severity: 'warning', forSeconds: 0, repeatMinutes: 240, mute: [] },
  ])
  expect(config.alertWebhooks).toMatchObject([{ ...team, format: 'json', timeoutSeconds: 10 }])
})

test('in the environment they are JSON', () => {
  const { config } = loadConfig({}, { DRIFTLINE_ALERT_RULES: JSON.stringify([lag]) }, tmpdir())
  expect(config.alertRules).toMatchObject([lag])
  expect(() => loadConfig({}, { DRIFTLINE_ALERT_RULES: '[' }, tmpdir())).toThrow(
    /alertRules \(from environment\): is not JSON/,
  )
})

test('neither secrets nor the path of an address is shown', () => {
  const { config } = load({ alertWebhooks: [team, { name: 'b', url: 'env:HOOK', secrets: ['env:KEY'] }] })
  expect(shown('alertWebhooks', config)).toMatchObject([
    { name: 'team', url: 'https://hooks.example.org/********', secrets: ['********'] },
    { name: 'b', url: 'env:HOOK', secrets: ['env:KEY'] },
  ])
})

test.each([
  ['a key that does not exist', { ...lag, second: 1 }, 'alertRules[0] (from file): Unrecognized key'],
  ['a kind that does not exist', { name: 'x', kind: 'mood' }, 'alertRules[0].kind (from file)'],
  ['a lag without a limit', { name: 'x', kind: 'lag' }, 'alertRules[0] (from file): needs seconds or posts'],
  ['no share and no mean', { name: 'x', kind: 'sentiment', above: 1 }, 'needs either share or mean'],
  ['a share without a limit', { name: 'x', kind: 'sentiment', share: 'a' }, 'needs above or below'],
  ['a share above 1', { name: 'x', kind: 'errorRate', above: 2 }, 'alertRules[0].above'],
  ['a webhook that does not exist', { ...lag, webhooks: ['nobody'] }, "there is no webhook 'nobody'"],
  ['more history than there may be', { name: 'x', kind: 'spike', periods: 3, minPeriods: 4 }, 'is more than periods'],
  ['a silence longer than memory', { name: 'x', kind: 'silence', seconds: 7200, memoryHours: 2 }, 'is not longer than'],
  ['sources without groups', { name: 'x', kind: 'silence', only: ['a'] }, 'needs by: source'],
  ['names without groups', { name: 'x', kind: 'spike', only: ['a'] }, 'alertRules[0].only'],
  ['a time of day that is none', { ...lag, mute: [{ from: '24:00', to: '01:00' }] }, 'alertRules[0].mute[0].from'],
])('%s is refused with its place', (_, rule, told) => {
  expect(() => load({ alertRules: [rule] })).toThrow(told)
})

test.each([
  ['a name twice', [team, team], "alertWebhooks[1].name (from file): 'team' is taken"],
  ['a user in the address', [{ ...team, url: 'https://me:word@example.org/' }], 'alertWebhooks[0].url'],
  ['an address of another kind', [{ ...team, url: 'file:///etc/passwd' }], 'alertWebhooks[0].url'],
  ['a short secret', [{ ...team, secrets: ['whsec_c2hvcnQ='] }], 'alertWebhooks[0].secrets[0]'],
])('a webhook with %s is refused, and its secret is not told', (_, alertWebhooks, told) => {
  expect(() => load({ alertWebhooks })).toThrow(told)
  try {
    load({ alertWebhooks })
  } catch (error) {
    expect(String(error)).not.toMatch(/whsec_[A-Za-z0-9]|me:word/)
  }
})

test.each(Object.keys(alertKeys))(
  'docs/alerts.md has a table of the keys of %s, with defaults and sentences',
  (kind) => {
    const page = readFileSync(join(packageRoot, 'docs/alerts.md'), 'utf8')
    const keys = Object.entries(alertKeys[kind] ?? {}).map(([key, schema]) => {
      const preset = schema.safeParse(undefined)
      const told = preset.success
        ? preset.data === undefined
          ? 'unset'
          : `\`${typeof preset.data === 'object' ? JSON.stringify(preset.data) : preset.data}\``
        : 'needed'
      return [`\`${key}\``, told, schema.description ?? '']
    })
    const [, table = ''] = page.split(`<!-- keys: ${kind} -->`)
    expect(codeRows(table.split('\n\n')[1] ?? '')).toEqual(keys)
  },
)
