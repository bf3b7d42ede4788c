import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { packageVersion } from '../core/package-version.ts'
import { seededRandom } from '../core/random.ts'
import { writeManifest } from '../models/model-directory.ts'
import { goldenFile } from '../models/proof/golden.ts'
import type { Lineage, Manifest } from '../models/registry/manifest.ts'
import type { Certificate } from './after/certify.ts'
import { type FinishOptions, finish } from './after/finish.ts'
import { goldenOf } from './after/golden.ts'
import { referenceOf } from './after/reference.ts'
import type { BackendName } from './backends/backend.ts'
import { type HoldOut, type LabelledPost, type LabelledPosts, readLabelledPosts, readTexts, split } from './data.ts'
import { type Example, shuffled } from './data-batches.ts'
import { encodeExamples } from './data-encode.ts'
import { type FineTuned, fineTune, type Progress, type Recipe } from './finetune.ts'
import { createTrainer } from './parallel/create-trainer.ts'
import { presetProducer } from './presets/graph-builder.ts'
import type { PresetName } from './presets/presets.ts'
import { recipes } from './recipe.ts'
import { reportOn, type SetReport } from './report.ts'
import { fromBase, fromPreset, withNewWords } from './starting-point.ts'
import { taught } from './teach.ts'
import type { ExtendOptions } from './tokenizer/extend.ts'

export interface TrainOptions {
  /** Labelled posts, JSON Lines. */
  readonly labels: string
  /** `bundled`, a model directory, or a preset to train from scratch. */
  readonly from: { readonly base: string } | { readonly preset: PresetName }
  /** Directory of the new version: made here, or empty. */
  readonly out: string
  /** Of the manifest; default: the preset's name, or the base's name, licence and next version. */
  readonly name?: string | undefined
  readonly version?: number | undefined
  readonly license?: string | undefined
  /** What the manifest says of why this version is made, beside what training knows itself. */
  readonly lineage?: Pick<Lineage, 'checkId' | 'command'>
  readonly holdOut: HoldOut
  /** Further labelled files to report on, never trained on. */
  readonly evaluate: readonly string[]
  /** Posts with labels of lesser quality, such as those read off emoticons, to train on first. */
  readonly pretrain: { readonly path: string; readonly epochs: number } | undefined
  /** Models to learn from along with the labels, on the labelled posts and on `replay`, whose own labels do not count. */
  readonly teachers: readonly string[]
  readonly replay: string | undefined
  /** Words of the posts that the base knows only in pieces and that get one of their own. */
  readonly newWords: ExtendOptions
  /** What differs from the recipe for a preset from scratch, a preset that goes on, or an encoder. */
  readonly recipe: Partial<Recipe>
  /** Also write these, if they are accurate enough. */
  readonly variants: FinishOptions['variants']
  readonly backend: BackendName | 'auto'
  readonly workers: number
  readonly seed: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onPhase: (phase: string) => void
  readonly onProgress: (progress: Progress) => void
}

export interface TrainReport {
  readonly out: string
  readonly rows: Omit<LabelledPosts, 'posts'> & {
    readonly train: number
    readonly validation: number
    /** Posts on which only the teachers' answers counted. */
    readonly replayed: number
  }
  readonly training: Omit<FineTuned, 'model' | 'history' | 'trainable'> & {
    readonly trained: number
    readonly ms: number
  }
  readonly newWords: readonly string[]
  readonly temperature: number
  readonly certificate: Certificate
  readonly sets: readonly SetReport[]
}

interface PostSet {
  readonly name: string
  readonly posts: readonly LabelledPost[]
}

/** Share of the training posts that decides when to stop and how sure to be; more than this many decide no better. */
const validationShare = 0.1
const mostValidation = 4000

/**
 * Trains a new version of a model, from a base or from scratch, and writes its directory.
 *
 * @throws DriftlineError `LABELS_INVALID`, `MODEL_INVALID`, and what the trainer throws
 */
export async function trainModel(options: TrainOptions): Promise<TrainReport> {
  const { from, out, clock, signal, onPhase, onProgress } = options
  const random = seededRandom(options.seed)
  await refuseFull(out)

  onPhase('reading labels')
  const { posts, ...counts } = await readLabelledPosts(options.labels, signal)
  const { train, heldOut } = split(posts, options.holdOut, random)
  const early = options.pretrain === undefined ? [] : (await readLabelledPosts(options.pretrain.path, signal)).posts
  const replay = options.replay === undefined ? [] : await readTexts(options.replay, signal)
  const others: PostSet[] = []
  for (const name of options.evaluate) others.push({ name, posts: (await readLabelledPosts(name, signal)).posts })

  onPhase('base' in from ? `loading ${from.base}` : 'training the tokenizer')
  const start =
    'base' in from
      ? withNewWords(await fromBase(from.base), train, options.newWords)
      : fromPreset(from.preset, [...train, ...early], replay, random)
  const { labels, form } = start
  const kind = 'preset' in from ? 'scratch' : start.model.producer === presetProducer ? 'preset' : 'encoder'
  const teaches = options.teachers.length > 0 ? { distillation: 1 } : {}
  // With hidden words the frozen layers would have to be computed anew in every epoch.
  const whole = (options.recipe.layers ?? 'all') === 'all'
  const recipe: Recipe = { ...recipes[kind], ...(whole ? {} : { wordDropout: 0 }), ...teaches, ...options.recipe }
  const encode = (some: readonly LabelledPost[]) => encodeExamples(some, labels, start.textForm)
  const mixed = shuffled(train, random)
  const validationRows = Math.min(mostValidation, Math.round(mixed.length * validationShare))
  const validation = encode(mixed.slice(0, validationRows))
  const fresh = mixed.slice(validationRows)
  // Encoded before the training, so that an unknown class is refused before it and not after.
  const held = heldOut.length > 0 ? heldOut : mixed.slice(0, validationRows)
  const heldSet = { name: heldOut.length > 0 ? 'hold-out' : 'validation', posts: held, examples: encode(held) }
  const sets = [heldSet, ...others.map((set) => ({ ...set, examples: encode(set.posts) }))]
  let examples: readonly Example[] = encode(fresh)
  if (options.teachers.length > 0) {
    onPhase(`asking ${options.teachers.join(', ')} about ${fresh.length + replay.length} posts`)
    const labelled = { texts: fresh.map(({ text }) => text), examples }
    examples = await taught(options.teachers, labelled, replay, labels, start.textForm)
  }

  const startedAt = clock.now()
  const { backend, workers } = options
  const common = { labels, form, backend, workers, createTrainer, random, clock, signal, onProgress }
  let { model } = start
  if (options.pretrain !== undefined) {
    onPhase(`pre-training on ${early.length} posts`)
    const pretraining = { ...recipe, epochs: options.pretrain.epochs, distillation: 0 }
    model = (await fineTune({ ...common, model, train: encode(early), validation: [], recipe: pretraining })).model
  }
  onPhase(`training on ${examples.length} posts`)
  const tuned = await fineTune({ ...common, model, train: examples, validation, recipe })
  const ms = clock.now() - startedAt

  onPhase('calibrating and certifying')
  if (tuned.steps === 0) signal.throwIfAborted() // stopped before there was anything to keep
  await mkdir(out, { recursive: true })
  const proof = heldSet.examples
  const calibration = validation.length > 0 ? validation : proof
  const { variants } = options
  const ready = { model: tuned.model, labels, form, calibration, proof, backend: tuned.backend, variants, out, clock }
  const { temperature, certificate, onnx } = await finish(ready)
  await writeFile(join(out, 'tokenizer.json'), `${JSON.stringify(start.tokenizerJson)}\n`)
  await writeFile(join(out, 'config.json'), `${JSON.stringify(start.config, null, 2)}\n`)
  if (start.tokenizerConfig !== undefined) {
    await writeFile(join(out, 'tokenizer_config.json'), `${JSON.stringify(start.tokenizerConfig, null, 2)}\n`)
  }
  const golden = await goldenOf(onnx, form, start.textForm, labels.length)
  await writeFile(join(out, goldenFile), `${JSON.stringify(golden, null, 2)}\n`)

  onPhase('evaluating')
  const { base } = start
  const reports: SetReport[] = []
  for (const { name, posts: some, examples: read } of sets) {
    const before = base && { onnx: base.onnx, examples: encodeExamples(some, labels, base.textForm) }
    reports.push(await reportOn(name, labels, form, { onnx, examples: read }, before))
  }
  const older = base?.manifest
  await writeManifest(out, {
    name: options.name ?? older?.name ?? ('preset' in from ? from.preset : 'model'),
    version: options.version ?? (older?.version ?? 0) + 1,
    parent: older?.version ?? null,
    createdAt: new Date(clock.now()).toISOString(),
    text: start.textForm.text,
    metrics: metricsOf(reports[0], temperature, train.length),
    reference: await referenceOf(onnx, proof, form, labels),
    license: options.license ?? older?.license ?? 'unspecified',
    lineage: {
      ...timesOf(train),
      labels: train.length,
      replayed: replay.length,
      seed: options.seed,
      codeVersion: packageVersion,
      ...options.lineage,
    },
  })
  const { model: _, history, trainable, ...training } = tuned
  return {
    out,
    rows: {
      ...counts,
      train: train.length - validation.length,
      validation: validation.length,
      replayed: replay.length,
    },
    training: { ...training, trained: trainable.length, ms },
    newWords: start.newWords,
    temperature,
    certificate,
    sets: reports,
  }
}

/** The directory is made when there is something to put in it: a refused training leaves nothing behind. */
async function refuseFull(folder: string): Promise<void> {
  const files = existsSync(folder) ? await readdir(folder) : []
  if (files.length > 0) throw new DriftlineError('USAGE', { reason: 'the directory is not empty', out: folder })
}

function metricsOf(set: SetReport | undefined, temperature: number, trainedRows: number): Manifest['metrics'] {
  if (set === undefined) return {}
  const { rows, accuracy, macroRecall, macroF1, ece } = set.model
  return { rows, accuracy, macroRecall, macroF1, ece, temperature, trainedRows }
}

function timesOf(posts: readonly LabelledPost[]): Pick<Lineage, 'dataFrom' | 'dataTo'> {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { atMs } of posts) {
    if (atMs === undefined) continue
    from = Math.min(from, atMs)
    to = Math.max(to, atMs)
  }
  const iso = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString() : null)
  return { dataFrom: iso(from), dataTo: iso(to) }
}
