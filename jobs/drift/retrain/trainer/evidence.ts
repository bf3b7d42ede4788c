import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../../core/clock.ts'
import type { Judged } from '../../../../models/gates/compared.ts'
import type { Evidence } from '../../../../models/gates/judge.ts'
import { readManifest } from '../../../../models/model-directory.ts'
import { type Variant, variantFiles } from '../../../../models/variants.ts'
import { softmaxRows } from '../../../../stats/softmax.ts'
import { Certificate, type Comparison, compare } from '../../../../training/after/certify.ts'
import { tensorFlowLogits } from '../../../../training/after/finish.ts'
import { encodeExamples } from '../../../../training/data-encode.ts'
import { onnxLogits } from '../../../../training/onnx-logits.ts'
import { fromBase, type StartingPoint } from '../../../../training/starting-point.ts'
import type { RetrainingPost } from '../select-data.ts'
import { measureSpeed } from './speed.ts'

export interface LabelledSet {
  readonly source: string
  readonly posts: readonly (Omit<RetrainingPost, 'id' | 'atMs'> & { readonly atMs: number | undefined })[]
}

export interface MeasureOptions {
  /** Model directories. */
  readonly champion: string
  readonly candidate: string
  readonly fresh: LabelledSet
  readonly golden: LabelledSet
  readonly clock: Clock
}

/** Posts on which each file of weights is compared with TensorFlow.js again; the certificate has compared on all. */
const provedPosts = 300

/** Runs both models and measures what the gates judge. @throws DriftlineError `MODEL_INVALID` */
export async function measure({ champion, candidate, fresh, golden, clock }: MeasureOptions): Promise<Evidence> {
  const [was, is] = [await fromBase(champion), await fromBase(candidate)]
  const manifest = await readManifest(candidate)
  const texts = fresh.posts.map(({ text }) => text)
  return {
    candidate: { name: manifest.name, parent: was.base?.manifest.version ?? null },
    evaluatedAtMs: clock.now(),
    fresh: await judged(fresh, was, is),
    golden: await judged(golden, was, is),
    speed: texts.length === 0 ? { champion: [], candidate: [] } : await measureSpeed(was, is, texts),
    numbers: await proofs(candidate, is, fresh),
  }
}

async function judged(
  { source, posts }: LabelledSet,
  was: StartingPoint,
  is: StartingPoint,
): Promise<Judged | undefined> {
  const { labels } = is
  const known = posts.filter(({ label }) => labels.includes(label))
  if (known.length === 0) return undefined
  // Classes in the candidate's order, which is the champion's too unless somebody imported another model under its name.
  const order = labels.map((label) => was.labels.indexOf(label))
  const before = await probabilities(was, known)
  const classes = labels.length
  const aligned = new Float64Array(known.length * classes)
  known.forEach((_, row) => {
    order.forEach((from, to) => {
      aligned[row * classes + to] = from < 0 ? 0 : (before[row * was.labels.length + from] ?? 0)
    })
  })
  return {
    source,
    labels,
    posts: known.map(({ text, label, atMs, lang, source: postSource, selectionProbability }) => ({
      truth: labels.indexOf(label),
      atMs,
      lang,
      source: postSource,
      selectionProbability,
      words: text.trim().split(/\s+/).length,
    })),
    champion: aligned,
    candidate: await probabilities(is, known),
  }
}

async function probabilities(model: StartingPoint, posts: LabelledSet['posts']): Promise<Float64Array> {
  const examples = encoded(model, posts)
  const classes = model.labels.length
  return softmaxRows(await onnxLogits(weightsOf(model), examples, model.form, classes), classes)
}

/** The truth does not matter here, and the model may not know its class. */
const encoded = (model: StartingPoint, posts: LabelledSet['posts']) =>
  encodeExamples(
    posts.map(({ text, atMs }) => ({ text, label: model.labels[0] ?? '', atMs })),
    model.labels,
    model.textForm,
  )

function weightsOf({ base }: StartingPoint): Uint8Array {
  if (base === undefined) throw new Error('a starting point that was read from a directory has a base')
  return base.onnx
}

/** Each file of weights in the directory against TensorFlow.js on the graph of model.onnx. */
async function proofs(directory: string, model: StartingPoint, { posts }: LabelledSet): Promise<readonly Comparison[]> {
  const certificate = Certificate.parse(JSON.parse(await readFile(join(directory, 'certificate.json'), 'utf8')))
  const backend = certificate.comparisons[0]?.backend === 'tensorflow' ? 'tensorflow' : 'wasm'
  const some = posts.filter(({ label }) => model.labels.includes(label)).slice(-provedPosts)
  const examples = encodeExamples(
    some.map(({ text, label, atMs }) => ({ text, label, atMs })),
    model.labels,
    model.textForm,
  )
  const classes = model.labels.length
  const truth = examples.map(({ label }) => label)
  const reference = await tensorFlowLogits(model.model, examples, model.form, backend, classes)
  const found: Comparison[] = []
  for (const [variant, file] of Object.entries(variantFiles) as [Variant, string][]) {
    const path = join(directory, file)
    if (!existsSync(path)) continue
    const onnx = variant === 'fp32' ? weightsOf(model) : await readFile(path)
    const measured = await onnxLogits(onnx, examples, model.form, classes)
    found.push(compare({ variant, backend, provider: 'cpu', classes, truth, reference, measured }))
  }
  return found
}
