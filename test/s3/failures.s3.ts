import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { openRegistryAt } from '../../models/registry/open-registry.ts'
import { S3Store } from '../../models/registry/s3/s3-store.ts'
import { killWriters, raceForAliases } from '../../models/registry/testing/races.ts'
import { smallModel } from '../../models/registry/testing/small-model.ts'
import { LossyProxy } from './lossy-proxy.ts'
import { S3Server } from './server.ts'

let server: S3Server
let folder: string
beforeAll(async () => {
  server = await S3Server.start()
  folder = await mkdtemp(join(tmpdir(), 'driftline-s3-failures-'))
  for (const weights of ['one', 'two']) await smallModel(join(folder, weights), { weights })
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const place = () => server.emptyPlace(join(folder, 'data'))
const by = { by: 'ann', reason: 'a test' }

test.each([
  ['a bucket that is not there', { registryUrl: 's3://another' }, 'REGISTRY_REFUSED', 'there is no such bucket'],
  ['a wrong secret', { s3SecretAccessKey: 'wrong' }, 'REGISTRY_REFUSED', 'the secret access key is wrong'],
  ['an unknown key', { s3AccessKeyId: 'nobody' }, 'REGISTRY_REFUSED', expect.any(String)],
])('%s is refused, and not tried again', async (_, wrong, code, reason) => {
  const registry = await openRegistryAt({ ...place(), ...wrong })
  await expect(registry.aliases('tiny')).rejects.toMatchObject({ code, retryable: false, details: { reason } })
  await expect(registry.publish(join(folder, 'one'))).rejects.toMatchObject({ code })
})

test('a server that is away is a failure that passes', async () => {
  const registry = await openRegistryAt({ ...place(), s3Endpoint: 'http://127.0.0.1:9' })
  await expect(registry.aliases('tiny')).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryable: true })
})

test('a bucket without credentials says which are missing', async () => {
  await expect(openRegistryAt({ ...place(), s3AccessKeyId: undefined })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: { reason: expect.stringContaining('AWS_ACCESS_KEY_ID') },
  })
})

test('a move whose answer was lost is one move, and the one who made it hears so', async () => {
  const proxy = await LossyProxy.start(server.endpoint)
  try {
    const through = { ...place(), s3Endpoint: proxy.endpoint }
    const registry = await openRegistryAt(through)
    for (const weights of ['one', 'two']) await registry.publish(join(folder, weights))
    proxy.loseNext((method, path) => method === 'PUT' && path.includes('/changes/'))
    expect(await registry.setAlias('tiny', 'champion', 1, { expected: undefined, ...by })).toMatchObject({ change: 1 })
    expect(proxy.lost).toBe(1)
    expect(await registry.audit('tiny')).toHaveLength(1)
    proxy.loseNext((method, path) => method === 'PUT' && path.includes('/documents/'))
    expect(await registry.documents.write('tiny', 'state', 'first', 0)).toBe(1)
    proxy.loseNext((method, path) => method === 'PUT' && path.includes('/documents/'))
    expect(await registry.documents.write('tiny', 'state', 'second', 1)).toBe(2)
    expect(proxy.lost).toBe(3)
  } finally {
    await proxy.stop()
  }
})

test('a copy that was damaged is fetched anew', async () => {
  const where = place()
  const registry = await openRegistryAt(where)
  await registry.publish(join(folder, 'one'))
  const { path } = await registry.open('tiny', 1)
  expect(path.startsWith(join(folder, 'data/cache'))).toBe(true)
  await writeFile(join(path, 'model.onnx'), 'wrong')
  expect(Buffer.from((await registry.open('tiny', 1)).onnx).toString()).toBe('one')
})

test('an object that was changed in the bucket is named, and takes no alias', async () => {
  const where = place()
  const registry = await openRegistryAt(where)
  await registry.publish(join(folder, 'one'))
  await server.overwrite(where, /\/files\/.*model\.onnx$/, 'wrights')
  const refused = { code: 'MODEL_INVALID', details: { file: 'model.onnx' } }
  await expect(registry.open('tiny', 1)).rejects.toMatchObject(refused)
  const move = { expected: undefined, ...by, force: true }
  await expect(registry.setAlias('tiny', 'champion', 1, move)).rejects.toMatchObject(refused)
})

test('a version whose record was damaged keeps nobody from the others, and can be removed', async () => {
  const where = place()
  const publisher = await openRegistryAt(where)
  for (const weights of ['one', 'two']) await publisher.publish(join(folder, weights))
  await server.overwrite(where, /\/versions\/000000002\.json$/, '{')
  const registry = await openRegistryAt(where)
  expect([await registry.versions('tiny'), await registry.leftovers()]).toEqual([[1, 2], []])
  await expect(registry.open('tiny', 2)).rejects.toMatchObject({ code: 'MODEL_INVALID' })
  await registry.remove('tiny', 2, by)
  expect([await registry.versions('tiny'), await registry.leftovers()]).toEqual([[1], []])
})

test('a removal that another process finishes has succeeded', async () => {
  const where = place()
  const [ann, bob] = [await openRegistryAt(where), await openRegistryAt(where)]
  for (const weights of ['one', 'two']) await bob.publish(join(folder, weights))
  const take = S3Store.prototype.take
  vi.spyOn(S3Store.prototype, 'take').mockImplementationOnce(async function (this: S3Store, name, version) {
    for (const leftover of await bob.leftovers()) await leftover.remove()
    return take.call(this, name, version)
  })
  expect(await ann.remove('tiny', 2, by)).toMatchObject({ remove: 2 })
  expect([await ann.versions('tiny'), await ann.leftovers()]).toEqual([[1], []])
})

test('of two processes that race for 1,000 aliases, exactly one wins each, and the audit tells which', async () => {
  const { won, problems } = await raceForAliases(place(), 1000)
  expect({ won: won.map((wins) => wins > 0), problems }).toEqual({ won: [true, true], problems: [] })
})

test('writers killed at random moments leave a registry that is whole', async () => {
  const options = { cycles: 5, writers: 2, longestMs: 500, random: seededRandom(2) }
  const { kills, problems } = await killWriters(place(), options)
  expect({ kills, problems }).toEqual({ kills: 10, problems: [] })
})
