import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { type Variant, variantFiles } from '../../models/variants.ts'
import type { BackendName } from '../backends/backend.ts'
import { type Example, feedsOf, type InputForm } from '../data-batches.ts'
import { logitsOf } from '../finetune.ts'
import type { Model } from '../onnx/model.ts'
import { encodeModel, writeModel } from '../onnx/write.ts'
import { onnxLogits } from '../onnx-logits.ts'
import { createTrainer } from '../parallel/create-trainer.ts'
import { trainableNames } from '../trainable.ts'
import { fitTemperature, withTemperature } from './calibrate.ts'
import { type Certificate, compare } from './certify.ts'
import { halve } from './halve.ts'
import { quantise } from './quantise.ts'

export interface FinishOptions {
  readonly model: Model
  readonly labels: readonly string[]
  readonly form: InputForm
  /** Decides the temperature; not trained on. */
  readonly calibration: readonly Example[]
  /** What the certificate is measured on; not trained on. */
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

const makers = { int8: quantise, fp16: halve }

/** Calibrates a trained model, writes it, and proves that onnxruntime gives the trainer's numbers. */
export async function finish(options: FinishOptions): Promise<Finished> {
  const { labels, form, calibration, proof, backend, out } = options
  const classes = labels.length
  const raw = await onnxLogits(encodeModel(options.model), calibration, form, classes)
  const truth = calibration.map(({ label }) => label)
  const temperature = fitTemperature(raw, truth, classes)
  const model = withTemperature(options.model, temperature)
  const onnx = encodeModel(model)
  await writeModel(join(out, variantFiles.fp32), model)

  const reference = await tensorFlowLogits(model, proof, form, backend, classes)
  const measure = async (variant: Variant, bytes: Uint8Array) =>
    compare({
      variant,
      backend,
      provider: 'cpu',
      classes,
      truth: proof.map(({ label }) => label),
      reference,
      measured: await onnxLogits(bytes, proof, form, classes),
    })
  const comparisons = [await measure('fp32', onnx)]
  for (const variant of options.variants) {
    const bytes = encodeModel(makers[variant](model))
    const comparison = await measure(variant, bytes)
    comparisons.push(comparison)
    if (comparison.passed) await writeFile(join(out, variantFiles[variant]), bytes)
  }
  const certificate: Certificate = {
    schema: 1,
    createdAt: new Date(options.clock.now()).toISOString(),
    comparisons,
    passed: comparisons.every(({ variant, passed }) => variant !== 'fp32' || passed),
  }
  await writeFile(join(out, 'certificate.json'), `${JSON.stringify(certificate, null, 2)}\n`)
  return { temperature, certificate, onnx }
}

async function tensorFlowLogits(
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
