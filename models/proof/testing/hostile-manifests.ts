import { execFileSync } from 'node:child_process'
import { linkSync, symlinkSync } from 'node:fs'
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ErrorCode } from '../../../core/errors.ts'
import { type Draft, described, type Recipe } from './recipe.ts'

const recipe = (
  name: string,
  make: (manifest: Draft['manifest'], draft: Draft) => unknown,
  refused: readonly ErrorCode[] = ['MODEL_INVALID'],
): Recipe => ({ group: 'manifest.json', name, refused, make: (draft) => void make(draft.manifest, draft) })

/** With files that the manifest names and that are elsewhere, or nowhere. */
const listing = (files: Readonly<Record<string, unknown>>) => (manifest: Draft['manifest'], draft: Draft) => {
  const own = [...draft.files].map(([name, content]) => [name, described(content)])
  manifest.files = { ...Object.fromEntries(own), ...files }
}
const empty = described(new Uint8Array(0))

const path = (name: string): Recipe => recipe(`names a file ${JSON.stringify(name)}`, listing({ [name]: empty }))

const says = (name: string, facts: Readonly<Record<string, unknown>>): Recipe =>
  recipe(name, (manifest) => Object.assign(manifest, facts))

/** What the manifest says of model.onnx. */
const graphSays = (
  name: string,
  facts: Readonly<Record<string, unknown>>,
  refused: readonly ErrorCode[] = ['MODEL_INVALID'],
) =>
  recipe(
    name,
    (manifest, draft) =>
      listing({ 'model.onnx': { ...described(draft.files.get('model.onnx') ?? new Uint8Array(0)), ...facts } })(
        manifest,
        draft,
      ),
    refused,
  )

const replaced = (name: string, file: string, replace: (at: string) => Promise<void> | void): Recipe =>
  recipe(name, (_, draft) => {
    draft.after = async (folder) => {
      await rename(join(folder, file), `${folder}.${file}`)
      await replace(join(folder, file))
    }
  })

export const manifests: readonly Recipe[] = [
  ...[
    '../model.onnx',
    '../../../etc/passwd',
    '/etc/passwd',
    'a/../../b',
    '..',
    '.',
    '',
    'a\u0000b',
    'C:\\boot.ini',
    '~/.ssh/id_rsa',
    '.hidden',
    'a b',
    'nul\n',
  ].map(path),
  graphSays('a size that is too small', { bytes: 10 }),
  graphSays('a size below zero', { bytes: -1 }),
  graphSays('a size of 308 digits', { bytes: 1e308 }),
  graphSays('a size of an exabyte', { bytes: 2 ** 50 }, ['MODEL_TOO_COSTLY']),
  graphSays('a hash of another file', { sha256: '0'.repeat(64) }),
  graphSays('a hash of 63 digits', { sha256: '0'.repeat(63) }),
  graphSays('a hash in capitals', { sha256: 'A'.repeat(64) }),
  graphSays('a field that nobody knows', { url: 'http://example.org/model.onnx' }),
  says('a schema of the future', { schema: 99 }),
  says('a field that nobody knows', { postinstall: 'rm -rf /' }),
  says('a version below one', { version: 0 }),
  says('a version with a fraction', { version: 1.5 }),
  says('a version past all numbers', { version: 1e300 }),
  says('no name', { name: '' }),
  says('a name that is a path', { name: '../../evil' }),
  says('a name of 10,000 letters', { name: 'a'.repeat(10_000) }),
  says('an unknown normaliser', { text: { normaliser: 'eval', maxTokens: 32 } }),
  says('texts of a billion tokens', { text: { normaliser: 'none', maxTokens: 1e9 } }),
  says('texts of no tokens', { text: { normaliser: 'none', maxTokens: 0 } }),
  says('metrics that are text', { metrics: { accuracy: 'very good' } }),
  says('metrics without end', { metrics: { accuracy: null } }),
  says('a date that is none', { createdAt: 'yesterday' }),
  says('a reference that is no histogram', { reference: { label: { edges: 'all', counts: -1 } } }),
  says('100 steering characters', { license: 7, name: '\u001b[2J\u001b]0;owned\u0007'.repeat(10) }),
  recipe('100,000 files', listing(Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`f${at}`, empty]))), [
    'MODEL_INVALID',
    'MODEL_TOO_COSTLY',
  ]),
  recipe('70 files', listing(Object.fromEntries(Array.from({ length: 70 }, (_, at) => [`f${at}`, empty]))), [
    'MODEL_TOO_COSTLY',
  ]),
  recipe('itself among its files', listing({ 'manifest.json': empty })),
  recipe('a file that is not there', listing({ 'weights.bin': empty })),
  recipe('no graph among its files', (manifest, draft) => {
    listing({})(manifest, draft)
    const { 'model.onnx': _, ...rest } = manifest.files as Record<string, unknown>
    manifest.files = rest
  }),
  recipe(
    '100,000 metrics',
    (manifest) => (manifest.metrics = Object.fromEntries(Array.from({ length: 600_000 }, (_, at) => [`m${at}`, 1]))),
  ),
  recipe('12 MB of licence', (manifest) => (manifest.license = 'x'.repeat(12 * 2 ** 20))),
  recipe(
    'brackets 100,000 deep',
    (_, draft) => (draft.manifestText = () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  ),
  recipe('no JSON', (_, draft) => (draft.manifestText = (text) => text.slice(1))),
  recipe('two million empty objects', (_, draft) => (draft.manifestText = () => `[${'{},'.repeat(1_999_999)}{}]`)),
  recipe('nothing', (_, draft) => (draft.manifestText = () => '')),
  recipe('null', (_, draft) => (draft.manifestText = () => 'null')),
  recipe('bytes that are no text', (_, draft) => (draft.manifestText = () => Uint8Array.of(0xff, 0xfe, 0x7b))),
  recipe('no manifest', (_, draft) => {
    draft.after = (folder) => rm(join(folder, 'manifest.json'))
  }),
  replaced('a graph behind a symbolic link', 'model.onnx', (at) =>
    symlinkSync(`${at.slice(0, -'/model.onnx'.length)}.model.onnx`, at),
  ),
  replaced('a tokenizer behind a link to a device', 'tokenizer.json', (at) => symlinkSync('/dev/zero', at)),
  replaced('a configuration behind a link to passwords', 'config.json', (at) => symlinkSync('/etc/passwd', at)),
  replaced('a folder in the place of the graph', 'model.onnx', async (at) => void (await mkdir(at))),
  replaced('a pipe in the place of the tokenizer', 'tokenizer.json', (at) => void execFileSync('mkfifo', [at])),
  replaced('a hard link to another file', 'config.json', async (at) => {
    await writeFile(`${at}.other`, 'another')
    linkSync(`${at}.other`, at)
  }),
  recipe(
    'a graph of three gigabytes of nothing',
    (manifest, draft) => {
      const bytes = 3 * 2 ** 30
      listing({ 'model.onnx': { sha256: '0'.repeat(64), bytes } })(manifest, draft)
      draft.after = (folder) => truncate(join(folder, 'model.onnx'), bytes)
    },
    ['MODEL_TOO_COSTLY'],
  ),
  recipe('a manifest of a gigabyte of nothing', (_, draft) => {
    draft.after = (folder) => truncate(join(folder, 'manifest.json'), 2 ** 30)
  }),
]
