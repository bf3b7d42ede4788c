import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { openFileRegistry } from './file-registry.ts'
import { openRegistryAt } from './open-registry.ts'
import { signaturesOf, signedBytes, signVersion } from './signatures.ts'
import { generateKeys, parseTrustedKeys, readPrivateKey } from './signing-keys.ts'
import { smallModel } from './testing/small-model.ts'

let data: string
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'driftline-signatures-'))
  for (const name of ['release', 'other']) {
    const { privatePem, publicLine } = generateKeys()
    await writeFile(join(data, `${name}.key`), privatePem)
    await writeFile(join(data, `${name}.pub`), `${publicLine}\n`)
  }
  const registry = await openRegistryAt({ data })
  for (const weights of ['one', 'two', 'three'])
    await registry.publish(await smallModel(join(data, weights), { weights }))
})
afterAll(() => rm(data, { recursive: true, force: true }))

const keyOf = (name: string) => readPrivateKey(join(data, `${name}.key`))
const trusting = (...names: string[]) =>
  openRegistryAt({ data, trustedKeys: names.map((name) => join(data, `${name}.pub`)).join(',') })
const sign = async (version: number, name: string) =>
  signVersion(await openRegistryAt({ data }), 'tiny', version, { key: keyOf(name), by: 'ann', clock: systemClock })
const missing = (reason: string) => ({ code: 'SIGNATURE_MISSING', details: { reason } })

test('a version that a trusted key signed opens and takes an alias; others do neither', async () => {
  await sign(1, 'release')
  const registry = await trusting('release')
  expect((await registry.open('tiny', 1)).manifest.version).toBe(1)
  const move = { expected: undefined, by: 'ann', reason: '' }
  await registry.setAlias('tiny', 'champion', 1, move)
  await expect(registry.open('tiny', 2)).rejects.toMatchObject(missing('it is not signed'))
  await expect(registry.setAlias('tiny', 'challenger', 2, move)).rejects.toMatchObject(missing('it is not signed'))
  expect((await registry.aliases('tiny')).at).toEqual({ champion: 1 })
  await expect((await trusting('other')).open('tiny', 1)).rejects.toMatchObject(
    missing('it is signed, but by no trusted key'),
  )
  expect((await (await trusting('other', 'release')).open('tiny', 1)).manifest.version).toBe(1)
})

test('several keys may sign a version, each once', async () => {
  const first = await sign(2, 'other')
  await sign(2, 'release')
  expect(await sign(2, 'other')).toEqual(first)
  const { signatures } = await signaturesOf((await openFileRegistry(join(data, 'registry'))).documents, 'tiny', 2)
  expect(signatures.map(({ key }) => key)).toEqual([keyOf('other').id, keyOf('release').id])
})

test('a manifest that was rewritten, with hashes that fit, is refused', async () => {
  await sign(3, 'release')
  const path = join(data, 'registry/tiny/versions/3/manifest.json')
  const manifest = await readFile(path, 'utf8')
  await writeFile(path, manifest.replace('Apache-2.0', 'Apache-9.0'))
  await expect((await trusting('release')).open('tiny', 3)).rejects.toMatchObject(
    missing('a signature by a trusted key does not fit its manifest'),
  )
  await writeFile(path, manifest)
  expect((await (await trusting('release')).open('tiny', 3)).manifest.version).toBe(3)
})

test('the signature of another version does not count', async () => {
  const { documents } = await openRegistryAt({ data })
  await sign(1, 'release')
  const one = await documents.read('tiny', 'signatures-1')
  const three = await documents.read('tiny', 'signatures-3')
  await documents.write('tiny', 'signatures-3', one?.value, three?.revision ?? 0)
  await expect((await trusting('release')).open('tiny', 3)).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' })
  await sign(3, 'release')
  expect((await (await trusting('release')).open('tiny', 3)).manifest.version).toBe(3)
})

test('what is signed does not depend on the order of fields, and depends on each value', async () => {
  const manifest = await (await openRegistryAt({ data })).manifest('tiny', 1)
  const turned = { ...manifest, files: Object.fromEntries(Object.entries(manifest.files).reverse()) }
  expect(signedBytes(turned)).toEqual(signedBytes(manifest))
  expect(signedBytes({ ...manifest, lineage: undefined })).toEqual(signedBytes(manifest))
  for (const other of [{ version: 2 }, { license: 'MIT' }, { metrics: { accuracy: 1 } }, { parent: 1 }]) {
    expect(signedBytes({ ...manifest, ...other })).not.toEqual(signedBytes(manifest))
  }
})

test.each(['ed25519:AAAA', 'release', 'ed25519:', 'rsa:AAAA'])('%s is no trusted key', (key) => {
  expect(() => parseTrustedKeys(key)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('a public key is no private key', () => {
  expect(() => readPrivateKey(join(data, 'release.pub'))).toThrow(expect.objectContaining({ code: 'USAGE' }))
})
