import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { packageRoot } from '../../core/package-root.ts'
import { bundledModelPath, loadModelDirectory } from '../../models/model-directory.ts'
import { proofLimits } from '../../models/proof/report.ts'
import { recipes, writeHostile } from '../../models/proof/testing/hostile.ts'
import { type ProveOptions, proveModel, proveWithAnswers } from './prove-model.ts'

const fixture = (name: string) => join(packageRoot, 'test/fixtures/models', name)
const signal = new AbortController().signal
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-proof-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const prove = async (path: string, options: Partial<ProveOptions> = {}) =>
  proveModel(await loadModelDirectory(path), { log: silentLog, signal, ...options })

test.each(['bag', 'encoder'])('a model that works is proved: %s', async (name) => {
  const report = await prove(fixture(name))
  expect(report?.steps.map((step) => step.name)).toEqual([
    'files',
    'graph',
    'tokenizer',
    'load',
    'run',
    'ids',
    'repeat',
    'golden',
    'speed',
  ])
  expect(report?.operators).toContain('MatMul')
})

test('the bundled model is trusted as the program is, and passes when it is tried', async () => {
  expect(await prove(bundledModelPath)).toBeUndefined()
  expect(await prove(bundledModelPath, { again: true })).toMatchObject({ provider: 'cpu' })
})

test('what was proved is not tried again, until a file of it changes or the proof is lost', async () => {
  const proofs = join(folder, 'proofs')
  const first = await prove(fixture('bag'), { proofs })
  expect(await prove(fixture('bag'), { proofs })).toEqual(first)
  const [file = ''] = await readdir(proofs)
  await writeFile(join(proofs, file), '{"passed":true}')
  const second = await prove(fixture('bag'), { proofs })
  expect(second?.provedAt).not.toBe(first?.provedAt)
  expect(JSON.parse(await readFile(join(proofs, file), 'utf8'))).toEqual(second)
})

test('a proof for one model is none for another', async () => {
  const proofs = join(folder, 'others')
  await prove(fixture('bag'), { proofs })
  await expect(prove(fixture('external'), { proofs })).rejects.toMatchObject({ code: 'MODEL_UNSAFE' })
})

test('a limit that is reached is named with its step', async () => {
  const clock = { now: () => 0, sleep: () => Promise.resolve() }
  await expect(prove(fixture('bag'), { clock })).rejects.toMatchObject({
    code: 'MODEL_TOO_COSTLY',
    details: { step: 'start', reason: expect.stringContaining('80 s') },
  })
})

describe('hostile models', () => {
  // One of each way to be found out; the whole corpus is `npm run bench -- hostile`.
  const chosen = [
    'an endless loop',
    'a constant of terabytes that holds nothing',
    '100 GB at once when it runs',
    'products that take an hour',
    'weights that are no numbers',
    'six classes, and does not say so',
    'a pattern of the fourth power',
    'a vocabulary of another model',
    'padding with an id that is none',
    'a graph of three gigabytes of nothing',
    'a pipe in the place of the tokenizer',
  ]

  test.each(chosen)('%s', async (name) => {
    const recipe = recipes.find((known) => known.name === name)
    if (recipe === undefined) throw new Error(`no recipe is called ${name}`)
    const directory = await loadModelDirectory(fixture('bag'))
    const { files: _, ...manifest } = directory.manifest
    const path = join(folder, name)
    await writeHostile({ recipe, seed: 1 }, { files: directory.files, manifest }, path)
    const limits = proofLimits(directory.manifest, 5)
    const refused = loadModelDirectory(path).then((made) => proveModel(made, { log: silentLog, signal, limits }))
    await expect(refused).rejects.toMatchObject({ code: expect.toSatisfy((code) => recipe.refused.includes(code)) })
  })

  test('golden answers tell another graph whose hash was made right', async () => {
    const directory = await loadModelDirectory(fixture('bag'))
    const golden = await proveWithAnswers(directory, { log: silentLog, signal })
    const { files: _, ...manifest } = directory.manifest
    const make = async (name: string, cases: typeof golden.cases) => {
      const path = join(folder, name)
      const files = new Map([...directory.files, ['golden.json', Buffer.from(JSON.stringify({ ...golden, cases }))]])
      const nothing = { group: '', name, refused: [], make: () => undefined }
      await writeHostile({ recipe: nothing, seed: 1 }, { files, manifest }, path)
      return path
    }
    const same = await prove(await make('same', golden.cases))
    expect(same?.steps.find(({ name }) => name === 'golden')?.found).toMatch(/^at most/)
    const other = golden.cases.map(({ text, probabilities }) => ({ text, probabilities: probabilities.toReversed() }))
    await expect(prove(await make('other', other))).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      details: { file: 'golden.json', step: 'golden' },
    })
  })
})
