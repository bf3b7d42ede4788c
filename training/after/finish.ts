import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { type Variant, variantFiles } from '../../models/variants.ts'
import { fitTemperature } from '../../stats/temperature.ts'
import type { BackendName } from '../backends/backend.ts'
import { selectBackend } from '../backends/select.ts'
import { type Example, feedsOf, type InputForm } from '../data-batches.ts'
import { logitsOf } from '../finetune.ts'
import { firstDisagreement } from '../first-disagreement.ts'
import type { Model } from '../onnx/model.ts'
import { encodeModel, writeModel } from '../onnx/write.ts'
import { onnxLogits } from '../onnx-logits.ts'
import { createTrainer } from '../parallel/create-trainer.ts'
import type { Feeds } from '../parallel/trainer.ts'
import { trainableNames } from '../trainable.ts'
import { withTemperature } from './calibrate.ts'
import { type Certificate, compare } from './certify.ts'
import { halve } from './halve.ts'
import { quantise } from './quantise.ts'

export interface FinishOptions {
  readonly model: Model
  readonly labels: readonly string[]
  readonly form: InputForm
  /** Decides the temperature; not trained on. */
  readonly calibration: readonly Example[]
  /** What the certificate is measured on, together with `calibration` where these are few; not trained on. */
  readonly proof: readonly Example[]
  readonly backend: BackendName
  /** Also try these; one that does not pass is in the certificate, but not written. */
  readonly variants: readonly Exclude<Variant, 'fp32'>[]
  /** Directory that model.onnx, certificate.json and the variants are written to. */
  readonly out: string
  readonly clock: Clock
}

export interface Finished {
  readonly temperature: number
  readonly certificate: Certificate
  /** Contents of model.onnx. */
  readonly onnx: Uint8Array
}

/**
 * Half a point of accuracy, which decides on int8, is one post in 200. So the calibration posts are judged too, up to this
 * many in all: what a variant changes is no better on them, as a temperature moves no arg-max.
 */
const enoughProof = 2000
/** Of ln T before any post is seen: T is within a factor of 2.7 of 1 in 95 of 100 models. */
const temperatureSpread = 0.5

const makers = { int8: quantise, fp16: halve }

/**
 * Calibrates a trained model, writes it, and proves that onnxruntime gives the trainer's numbers.
 *
 * @throws DriftlineError `CERTIFICATE_FAILED` with the first value of the graph that differs; model.onnx and
 *   certificate.json are there to look at
 */
export async function finish(options: FinishOptions): Promise<Finished> {
  const { labels, form, calibration, backend, out } = options
  const most = Math.max(options.proof.length, enoughProof)
  const proof = [...new Set([...options.proof, ...calibration])].slice(0, most)
  const classes = labels.length
  const raw = await onnxLogits(encodeModel(options.model), calibration, form, classes)
  const truth = calibration.map(({ label }) => label)
  const temperature = fitTemperature(raw, truth, classes, temperatureSpread)
  const model = withTemperature(options.model, temperature)
  const onnx = encodeModel(model)
  await writeModel(join(out, variantFiles.fp32), model)

  const reference = await tensorFlowLogits(model, proof, form, backend, classes)
  const common = { backend, provider: 'cpu', classes, truth: proof.map(({ label }) => label), reference } as const
  const measured = await onnxLogits(onnx, proof, form, classes)
  const first = compare({ ...common, variant: 'fp32', measured })
  const comparisons = [first]
  for (const variant of first.passed ? options.variants : []) {
    const bytes = encodeModel(makers[variant](model))
    const comparison = compare({ ...common, variant, measured: await onnxLogits(bytes, proof, form, classes) })
    comparisons.push(comparison)
    if (comparison.passed) await writeFile(join(out, variantFiles[variant]), bytes)
  }
  const certificate: Certificate = {
    schema: 1,
    createdAt: new Date(options.clock.now()).toISOString(),
    comparisons,
    passed: first.passed,
  }
  await writeFile(join(out, 'certificate.json'), `${JSON.stringify(certificate, null, 2)}\n`)
  const worst = first.passed ? undefined : proof[worstRow(reference, measured, classes)]
  if (worst !== undefined) {
    const parted = await whereTheyPart(model, feedsOf([worst], form), backend)
    throw new DriftlineError('CERTIFICATE_FAILED', { ...parted, ...first })
  }
  return { temperature, certificate, onnx }
}

/** The row whose logits differ most; NaN differs from everything. */
function worstRow(reference: Float32Array, measured: Float32Array, classes: number): number {
  const errors = reference.map((logit, at) => Math.abs(logit - (measured[at] ?? 0)))
  const ranked = errors.map((error) => (Number.isNaN(error) ? Number.POSITIVE_INFINITY : error))
  return Math.floor(ranked.indexOf(ranked.reduce((most, error) => Math.max(most, error), 0)) / classes)
}

async function whereTheyPart(model: Model, feeds: Feeds, backend: BackendName): Promise<Record<string, unknown>> {
  await selectBackend(backend) // the trainer's own is in another thread
  const found = await firstDisagreement(model, feeds)
  return found === undefined ? { value: 'none, on the worst post alone' } : { ...found }
}

/** [rows · classes], logits of TensorFlow.js, in the order of the examples. */
export async function tensorFlowLogits(
  model: Model,
  examples: readonly Example[],
  form: InputForm,
  backend: BackendName,
  classes: number,
): Promise<Float32Array> {
  const trainer = await createTrainer({ model, trainable: trainableNames(model, 'head'), backend, workers: 1 })
  try {
    return await logitsOf(trainer, examples, (some) => feedsOf(some, form), classes)
  } finally {
    await trainer.close()
  }
}
