import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { collectGarbage } from '../core/collect-garbage.ts'
import { DriftlineError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { packageRoot } from '../core/package-root.ts'
import { loadModelDirectory, writeManifest } from '../models/model-directory.ts'
import { createScorer, type ScorerOptions } from './create-scorer.ts'
import type { Scored, Scorer } from './scorer.ts'

const fixture = (name: string) => join(packageRoot, 'test/fixtures/models', name)
const opened: Scorer[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((scorer) => scorer[Symbol.asyncDispose]()))
})

const defaults = { device: 'cpu', workers: 1, batchTokens: 512, log: silentLog } as const

async function open(
  path: string,
  options: Partial<Pick<ScorerOptions, 'workers' | 'batchTokens' | 'priority'>> = {},
): Promise<Scorer> {
  const scorer = await createScorer({ ...defaults, ...options, directory: await loadModelDirectory(path) })
  opened.push(scorer)
  return scorer
}

test('a scorer holds none of the files that it does not need', async () => {
  const start = async () => {
    const directory = await loadModelDirectory(fixture('bag'))
    opened.push(await createScorer({ ...defaults, directory }))
    return new WeakRef(directory)
  }
  const directory = await start()
  for (let turns = 0; directory.deref() !== undefined && turns < 100; turns++) {
    await turn() // what was looked at in a turn stays for the rest of it
    collectGarbage()
  }
  expect(directory.deref()).toBeUndefined()
})

/** A fixture with other files in it. */
async function changed(name: string, files: Record<string, string | Uint8Array>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-scorer-'))
  for (const file of ['model.onnx', 'tokenizer.json', 'config.json'])
    await cp(join(fixture(name), file), join(folder, file))
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content)
  await writeManifest(folder, {
    name: 'changed',
    version: 1,
    parent: null,
    createdAt: '2026-01-01T00:00:00Z',
    text: { normaliser: 'none', maxTokens: 32 },
    metrics: {},
    reference: {},
    license: 'Apache-2.0',
  })
  return folder
}

const scored = (result: Scored | DriftlineError | undefined): Scored => {
  if (result === undefined || result instanceof DriftlineError) throw new Error('expected a score', { cause: result })
  return result
}

const Reference = z.array(z.object({ text: z.string(), ids: z.array(z.int()), logits: z.array(z.number()) }))

describe.each(['bag', 'encoder'])('%s', (name) => {
  test.each([16, 100_000])(
    'agrees with onnxruntime and Hugging Face in Python, in runs of %d tokens',
    async (batchTokens) => {
      const reference = Reference.parse(JSON.parse(await readFile(join(fixture(name), 'reference.json'), 'utf8')))
      const scorer = await open(fixture(name), { batchTokens })
      const results = await scorer.score(reference.map(({ text }) => text))
      expect(scorer).toMatchObject({ name: `tiny-${name}`, version: 1, provider: 'cpu', workers: 1 })
      expect(scorer.labels).toEqual(['negative', 'neutral', 'positive'])
      for (const [index, { text, ids, logits }] of reference.entries()) {
        const { label, confidence, probabilities, margin, tokens } = scored(results[index])
        const weights = logits.map(Math.exp)
        const sum = weights.reduce((a, b) => a + b)
        const expected = weights.map((weight) => weight / sum)
        expect(tokens, text).toBe(ids.length)
        for (const [at, probability] of expected.entries()) {
          expect(Math.abs((probabilities[at] ?? 0) - probability), text).toBeLessThanOrEqual(1e-5)
        }
        const ranked = [...probabilities].sort((a, b) => b - a)
        expect(confidence).toBe(ranked[0])
        expect(label).toBe(scorer.labels[probabilities.indexOf(confidence)])
        expect(margin).toBeCloseTo((ranked[0] ?? 0) - (ranked[1] ?? 0), 12)
      }
    },
  )

  test('gives the same scores whatever the threads and however the texts are grouped', async () => {
    const texts = Array.from({ length: 700 }, (_, index) => `${'the best movie '.repeat(index % 7)}${index}`)
    const one = await open(fixture(name))
    const three = await open(fixture(name), { workers: 3, batchTokens: 64 })
    const [together, apart] = await Promise.all([
      three.score(texts),
      Promise.all([texts.slice(0, 1), texts.slice(1, 300), texts.slice(300)].map((part) => one.score(part))),
    ])
    for (const [index, result] of apart.flat().entries()) {
      const [left, right] = [scored(result), scored(together[index])]
      expect(right.tokens).toBe(left.tokens)
      expect(Math.abs(right.confidence - left.confidence)).toBeLessThanOrEqual(1e-6)
    }
  })
})

test('a text the model cannot take is found and named, and all others are scored', async () => {
  const texts = Array.from({ length: 500 }, (_, index) => `the flight ${index}`)
  const bad = [0, 7, 8, 255, 256, 499]
  for (const index of bad) texts[index] = index % 2 === 0 ? 'a poison pill' : 'is nan'
  const results = await (await open(fixture('bag'), { workers: 2 })).score(texts)
  expect(results.flatMap((result, index) => (result instanceof DriftlineError ? [index] : []))).toEqual(bad)
  for (const index of bad) expect(results[index]).toMatchObject({ code: 'INFERENCE_FAILED' })
  expect(results[7]).toMatchObject({ details: { reason: 'a logit is not a finite number' } })
  expect(scored(results[1])).toMatchObject({ tokens: 3, unknownTokens: 0 })
})

test('the model time of a text is positive, and no texts have no scores', async () => {
  const scorer = await open(fixture('bag'))
  expect(scored((await scorer.score(['good']))[0]).inferenceUs).toBeGreaterThan(0)
  expect(await scorer.score([])).toEqual([])
})

test('two scorers stand side by side, and closing one leaves the other', async () => {
  const [first, second] = [await open(fixture('bag')), await open(fixture('encoder'))]
  await first[Symbol.asyncDispose]()
  await expect(first.score(['good'])).rejects.toThrow('closed')
  expect(await second.score(['good'])).toHaveLength(1)
})

test('threads that start one by one are as many, and give the same scores', async () => {
  const [all, each] = [
    await open(fixture('bag'), { workers: 3 }),
    await open(fixture('bag'), { workers: 3, priority: 'low at first' }),
  ]
  expect(each.workers).toBe(3)
  const labels = async (scorer: Scorer) =>
    (await scorer.score(['good', 'bad day', ''])).map((result) => 'label' in result && result.label)
  expect(await labels(each)).toEqual(await labels(all))
})

test('an abort rejects what is in flight with its reason', async () => {
  const stop = new AbortController()
  const directory = await loadModelDirectory(fixture('encoder'))
  const scorer = await createScorer({ ...defaults, directory, signal: stop.signal })
  const scoring = scorer.score(Array.from({ length: 5_000 }, () => 'good'))
  stop.abort(new Error('enough'))
  await expect(scoring).rejects.toThrow('enough')
})

test('an abort while the model loads ends the loading', async () => {
  const stop = new AbortController()
  const starting = createScorer({
    ...defaults,
    directory: await loadModelDirectory(fixture('bag')),
    signal: stop.signal,
  })
  stop.abort(new Error('never mind'))
  await expect(starting).rejects.toThrow('never mind')
})

test.each<[string, () => Promise<Record<string, string | Uint8Array>>, RegExp]>([
  ['a graph that is none', async () => ({ 'model.onnx': 'not a graph' }), /model\.onnx/],
  [
    'more classes than logits',
    async () => ({ 'config.json': '{"id2label":{"0":"a","1":"b","2":"c","3":"d"}}' }),
    /of 4 classes/,
  ],
  ['no tokenizer', async () => ({ 'tokenizer.json': '{"model":{}}' }), /tokenizer\.json/],
  ['other inputs', () => renamed('input_ids', 'input_idz'), /input_idz/],
  ['other outputs', () => renamed('logits', 'logitz'), /logitz/],
])('a model with %s is refused', async (_, files, message) => {
  const directory = await loadModelDirectory(await changed('bag', await files()))
  await expect(createScorer({ ...defaults, directory })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(message),
  })
})

/** The bag's graph with a name of equal length in the place of another. */
async function renamed(from: string, to: string): Promise<Record<string, Uint8Array>> {
  const graph = await readFile(join(fixture('bag'), 'model.onnx'), 'latin1')
  return { 'model.onnx': Buffer.from(graph.replaceAll(from, to), 'latin1') }
}

test('tensors in a file that the manifest cannot vouch for are not read', async () => {
  const directory = await loadModelDirectory(fixture('external'))
  await expect(createScorer({ ...defaults, directory })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    message: expect.stringMatching(/external data/i),
  })
})

test('the variant that is asked for runs, and one that is missing is refused', async () => {
  const graph = await readFile(join(fixture('bag'), 'model.onnx'))
  const directory = await loadModelDirectory(
    await changed('bag', { 'model.int8.onnx': graph, 'model.fp16.onnx': 'not a graph' }),
  )
  const scorer = await createScorer({ ...defaults, variant: 'int8', directory })
  opened.push(scorer)
  expect(scorer.variant).toBe('int8')
  await expect(createScorer({ ...defaults, variant: 'fp16', directory })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    details: { file: 'model.fp16.onnx' },
  })
  const plain = await loadModelDirectory(fixture('bag'))
  await expect(createScorer({ ...defaults, variant: 'int8', directory: plain })).rejects.toThrow(/no int8 variant/)
})

test('a device that does not work here is refused, and `auto` is cpu instead', async () => {
  const directory = await loadModelDirectory(fixture('bag'))
  const scorer = await createScorer({ ...defaults, device: 'auto', directory })
  opened.push(scorer)
  if (scorer.provider === 'cpu') {
    await expect(createScorer({ ...defaults, device: 'cuda', directory })).rejects.toMatchObject({
      code: 'PROVIDER_UNAVAILABLE',
    })
  }
  expect(await scorer.score(['good'])).toHaveLength(1)
})
