import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DriftlineError } from '../../core/errors.ts'
import { openFileRegistry, registryFolder } from './file-registry.ts'
import { Opener } from './opener.ts'
import type { Registry } from './registry.ts'
import { SilentServer } from './testing/silent-server.ts'
import { smallModel } from './testing/small-model.ts'

let data: string
let registry: Registry
let opener: Opener
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'driftline-opener-'))
  registry = await openFileRegistry(registryFolder(data))
  for (const weights of ['one', 'two']) await registry.publish(await smallModel(join(data, weights), { weights }))
  opener = new Opener({ data })
})
afterEach(async () => {
  await opener[Symbol.asyncDispose]()
  await rm(data, { recursive: true, force: true })
})

test('each version is what the registry opens under its number', async () => {
  const opened = await Promise.all([2, 1].map((version) => opener.open('tiny', version)))
  for (const { files, onnx, ...facts } of opened) {
    const {
      files: expected,
      onnx: graph,
      tokenizer: _,
      ...others
    } = await registry.open('tiny', facts.manifest.version)
    expect(facts).toEqual(others)
    expect([...files.keys()]).toEqual([...expected.keys()])
    for (const [name, content] of files) expect(Buffer.from(content)).toEqual(Buffer.from(expected.get(name) ?? []))
    expect(Buffer.from(onnx)).toEqual(graph)
    expect(onnx.buffer).toBeInstanceOf(SharedArrayBuffer)
  }
  expect(opened.map(({ manifest }) => manifest.version)).toEqual([2, 1])
})

test('a registry that could not be opened is tried again', async () => {
  const drafts = join(registryFolder(data), '.drafts')
  await rm(drafts, { recursive: true })
  await writeFile(drafts, 'in the way')
  await expect(opener.open('tiny', 1)).rejects.toThrow('ENOTDIR')
  await rm(drafts)
  expect((await opener.open('tiny', 1)).manifest.version).toBe(1)
})

test('a directory opens, too', async () => {
  const opened = await opener.openDirectory(join(data, 'one'))
  expect(opened).toMatchObject({ labels: (await registry.open('tiny', 1)).labels, manifest: { name: 'tiny' } })
  await expect(opener.openDirectory(join(data, 'none'))).rejects.toMatchObject({ code: 'MODEL_INVALID' })
})

test('what is wrong with a version is told as the registry tells it, and the next one opens', async () => {
  await appendFile(join(registryFolder(data), 'tiny/versions/1/model.onnx'), 'x')
  const errorOf = (opening: Promise<unknown>) => opening.then(() => undefined).catch((error: unknown) => error)
  for (const version of [1, 7]) {
    const { code, details, message } = (await errorOf(registry.open('tiny', version))) as DriftlineError
    expect(await errorOf(opener.open('tiny', version))).toMatchObject({ code, details, message })
  }
  expect((await opener.open('tiny', 2)).manifest.version).toBe(2)
})

test('a registry that cannot be opened is told, too', async () => {
  await using other = new Opener({ data, registryUrl: 's3://models' })
  await expect(other.open('tiny', 1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('what is not opened when it is disposed is given up', async () => {
  const opening = expect(opener.open('tiny', 1)).rejects.toThrow('has ended')
  await opener[Symbol.asyncDispose]()
  await opening
})

test('a store that does not answer is given up with the signal, and holds up no model that is asked for later', async () => {
  await using server = await SilentServer.start()
  await using other = new Opener(server.place(data))
  const stop = new AbortController()
  const asked = server.asked()
  const opening = other.open('tiny', 1, stop.signal)
  await asked
  stop.abort(new Error('enough'))
  await expect(opening).rejects.toBe(stop.signal.reason)
  await expect(other.open('tiny', 1, stop.signal)).rejects.toBe(stop.signal.reason)
  expect((await other.openDirectory(join(data, 'one'))).manifest.name).toBe('tiny')
})
