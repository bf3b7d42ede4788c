import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { seededRandom } from '../core/random.ts'
import { proveModel } from '../inference/proof/prove-model.ts'
import { loadModelDirectory } from '../models/model-directory.ts'
import { Certificate } from './after/certify.ts'
import { testBackend } from './backends/testing/backend.ts'
import { type TrainOptions, trainModel } from './train-model.ts'

const glad = ['lovely', 'great', 'thanks', 'happy', '😀', 'wonderful']
const sad = ['awful', 'late', 'broken', 'angry', '😡', 'terrible']
const plain = ['the', 'train', 'coffee', 'today', 'my', 'phone', 'a', 'is', 'with', 'at', '@user', 'http']

/** Posts in which one word tells the class, an hour apart. */
function labels(folder: string, name: string, rows: number, seed: number, tell = { glad, sad }): string {
  const random = seededRandom(seed)
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]
  const lines = Array.from({ length: rows }, (_, row) => {
    const label = random() < 0.5 ? 'negative' : 'positive'
    const filler = Array.from({ length: 3 + Math.floor(random() * 4) }, () => pick(plain))
    const text = [...filler, pick(label === 'negative' ? tell.sad : tell.glad), pick(plain)].join(' ')
    return JSON.stringify({ id: `${name}-${row}`, text, label, ts: hour(row) })
  })
  const path = join(folder, `${name}.jsonl`)
  writeFileSync(path, lines.join('\n'))
  return path
}

/** When the post of a row was written. */
const hour = (row: number) => new Date(row * 3_600_000).toISOString()

const folder = mkdtempSync(join(tmpdir(), 'driftline-train-'))
const phases: string[] = []

const options = (over: Partial<TrainOptions> & Pick<TrainOptions, 'labels' | 'from' | 'out'>): TrainOptions => ({
  holdOut: { share: 0.2 },
  evaluate: [],
  pretrain: undefined,
  teachers: [],
  replay: undefined,
  newWords: { most: 10, minFrequency: 20 },
  recipe: { batchSize: 16 },
  variants: ['int8'],
  backend: testBackend,
  workers: 1,
  seed: 1,
  clock: systemClock,
  signal: new AbortController().signal,
  onPhase: (phase) => phases.push(phase),
  onProgress: () => {},
  ...over,
})

test('from scratch, then on: the directory loads, the certificate passes, and the new version beats the old', async () => {
  const first = join(folder, 'first')
  const old = labels(folder, 'old', 600, 1)
  const report = await trainModel(
    options({ labels: old, from: { preset: 'convolution' }, out: first, name: 'weather', license: 'MIT' }),
  )
  expect(report.sets[0]?.model.accuracy).toBeGreaterThan(0.95)

  const { manifest, labels: classes } = await loadModelDirectory(first)
  expect(classes).toEqual(['negative', 'positive'])
  expect(manifest).toMatchObject({ name: 'weather', parent: null, text: { normaliser: 'social-1' } })
  const { train, validation, repeated } = report.rows
  expect(manifest.lineage).toMatchObject({ labels: train + validation, replayed: 0, seed: 1, dataFrom: hour(0) })
  expect(manifest.lineage?.dataTo).toBe(hour(600 - repeated - 120 - 1)) // the newest are held out
  expect(manifest.reference.label?.counts.reduce((sum, count) => sum + count)).toBe(120)
  const certificate = Certificate.parse(JSON.parse(readFileSync(join(first, 'certificate.json'), 'utf8')))
  expect(certificate).toMatchObject({ passed: true, comparisons: [{ variant: 'fp32' }, { variant: 'int8' }] })

  // What training says the model answers is what the way of the score job answers.
  const signal = new AbortController().signal
  const { steps } = (await proveModel({ path: first, manifest }, { log: silentLog, signal })) ?? { steps: [] }
  expect(steps.find(({ name }) => name === 'golden')?.found).toMatch(/^at most/)

  // The words have changed sides: what the old version knows is wrong now.
  const turned = labels(folder, 'turned', 600, 2, { glad: sad, sad: glad })
  const next = { labels: turned, from: { base: first }, out: join(folder, 'second'), variants: ['fp16'] as const }
  const second = await trainModel(options({ ...next, evaluate: [old] }))
  const [held, before] = second.sets
  expect(held?.base?.accuracy).toBeLessThan(0.1)
  expect(held?.model.accuracy).toBeGreaterThan(0.9)
  expect(held?.paired?.midP).toBeLessThan(1e-6)
  expect(before?.model.accuracy).toBeLessThan(0.5)
  const child = (await loadModelDirectory(join(folder, 'second'))).manifest
  expect(child).toMatchObject({ name: 'weather', version: 2, parent: 1, license: 'MIT' })
  expect(Object.keys(child.files)).toContain('model.fp16.onnx')
  expect(second.certificate.comparisons.map(({ variant, passed }) => [variant, passed])).toEqual([
    ['fp32', true],
    ['fp16', true],
  ])

  // A class that the base does not have, and a directory that holds a version already.
  const path = join(folder, 'other.jsonl')
  writeFileSync(path, '{"text":"a","label":"positive"}\n{"text":"b","label":"mixed"}\n{"text":"c","label":"negative"}')
  const other = options({ labels: path, from: { base: first }, out: join(folder, 'third'), holdOut: { share: 0 } })
  await expect(trainModel(other)).rejects.toMatchObject({ code: 'LABELS_INVALID' })
  await expect(trainModel({ ...other, out: first })).rejects.toMatchObject({ code: 'USAGE' })
})
