import type { Clock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import type { BackendName } from './backends/backend.ts'
import { batchOf, dropWords, type Example, feedsOf, type InputForm, lengthBuckets } from './data-batches.ts'
import { type Evaluation, evaluate } from './evaluate.ts'
import { computeFrozen } from './frozen.ts'
import type { Model } from './onnx/model.ts'
import { replaceInitializers } from './onnx/replace-initializers.ts'
import type { Feeds, Trainer, TrainerOptions } from './parallel/trainer.ts'
import { schedule } from './schedule.ts'
import { type Layers, trainableNames } from './trainable.ts'

export interface FineTuneOptions {
  readonly model: Model
  /** Names of the classes, in the order of the logits. */
  readonly labels: readonly string[]
  readonly train: readonly Example[]
  /** Decides which epoch's weights are kept; never trained on. Empty: the last weights are kept. */
  readonly validation: readonly Example[]
  readonly form: InputForm
  readonly recipe: Recipe
  readonly backend: BackendName | 'auto'
  /** Threads that share each batch. The same seed and number of workers give the same bytes. */
  readonly workers: number
  readonly createTrainer: (options: TrainerOptions) => Promise<Trainer>
  readonly random: Random
  readonly clock: Clock
  /** Aborting ends after the step in flight and keeps the best weights so far. */
  readonly signal: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/** The numbers that decide a training run. */
export interface Recipe {
  readonly layers: Layers
  readonly epochs: number
  readonly batchSize: number
  /** Peak of the schedule: linear warm-up over `warmUpShare` of the steps, then linear decay to 0. */
  readonly learningRate: number
  readonly warmUpShare: number
  readonly weightDecay: number
  /** Largest global norm of the gradient. */
  readonly clipNorm: number
  /** 0 to 1. */
  readonly labelSmoothing: number
  /** Class weights are (rows / rows of the class)^power: 0 trains for accuracy, 1 for macro-recall. */
  readonly classWeightPower: number
  /** Share of tokens replaced by `[UNK]`, drawn anew each epoch. */
  readonly wordDropout: number
  /** Epochs without a better validation loss before it stops. */
  readonly patience: number
  /** Weight of learning from the previous version's logits where an example carries them; 0 switches it off. */
  readonly distillation: number
}

export interface Progress {
  readonly epoch: number
  readonly step: number
  readonly totalSteps: number
  /** Mean over the epoch so far. */
  readonly loss: number
  readonly postsPerSecond: number
  readonly remainingMs: number
  /** Set once at the end of each epoch that was validated. */
  readonly validation?: Evaluation | undefined
}

export interface FineTuned {
  readonly model: Model
  readonly ended: 'finished' | 'early' | 'interrupted'
  /** Epoch (from 1) whose weights these are; a fraction when it was interrupted before any validation. */
  readonly bestEpoch: number
  readonly steps: number
  readonly trainable: readonly string[]
  readonly backend: BackendName
  /** Validation of each whole epoch, in order. */
  readonly history: readonly Evaluation[]
}

/**
 * Fine-tunes a classifier: the same graph comes back with other numbers.
 *
 * @throws DriftlineError `LABELS_INVALID` when fewer than two classes occur, and what the trainer throws, such as
 *   `TRAINING_DIVERGED` when the loss is not a number
 */
export async function fineTune(options: FineTuneOptions): Promise<FineTuned> {
  const { model, labels, train, validation, form, recipe, random, clock, signal } = options
  const classWeights = weightsOf(train, labels, recipe.classWeightPower)
  const trainable = trainableNames(model, recipe.layers)
  const frozen =
    recipe.layers === 'all' || recipe.wordDropout > 0
      ? undefined // hidden words change what the lower layers see
      : await computeFrozen(model, trainable, [...train, ...validation], form, signal)
  const feed = (examples: readonly Example[]) => frozen?.feedsOf(examples) ?? feedsOf(examples, form)
  const trainer = await options.createTrainer({
    model,
    trainable,
    ...(frozen !== undefined && { inputs: frozen.inputs }),
    backend: options.backend,
    workers: options.workers,
    loss: {
      classWeights,
      labelSmoothing: recipe.labelSmoothing,
      ...(recipe.distillation > 0 && { distillation: { weight: recipe.distillation, temperature: 2 } }),
    },
    optimiser: { weightDecay: recipe.weightDecay, clipNorm: recipe.clipNorm },
  })
  try {
    const totalSteps = recipe.epochs * Math.ceil(train.length / recipe.batchSize)
    const warmupSteps = Math.round(recipe.warmUpShare * totalSteps)
    const rate = schedule({ totalSteps, warmupSteps, decay: 'linear' })
    const startedAt = clock.now()
    const history: Evaluation[] = []
    let best: { readonly epoch: number; readonly loss: number; readonly weights: Weights } | undefined
    let ended: FineTuned['ended'] = 'finished'
    let step = 0

    const report = (epoch: number, rows: number, loss: number, validation?: Evaluation): void => {
      const elapsedMs = clock.now() - startedAt
      const postsPerSecond = (1000 * ((epoch - 1) * train.length + rows)) / Math.max(1, elapsedMs)
      const remainingMs = (elapsedMs / step) * (totalSteps - step)
      options.onProgress?.({ epoch, step, totalSteps, loss, postsPerSecond, remainingMs, validation })
    }

    for (let epoch = 1; epoch <= recipe.epochs && ended === 'finished'; epoch++) {
      let lossSum = 0
      let rows = 0
      for (const examples of lengthBuckets(train, recipe.batchSize, random)) {
        if (signal.aborted) break
        const dropped = examples.map((example) => dropWords(example, recipe.wordDropout, form.unknownId, random))
        const batch = batchOf(dropped, feed(dropped), labels.length) // feeds [rows, tokens], labels [rows]
        const { loss } = await trainer.step(batch, recipe.learningRate * rate(step))
        step++
        rows += examples.length
        lossSum += loss * examples.length
        report(epoch, rows, lossSum / rows)
      }
      if (signal.aborted) {
        ended = 'interrupted'
        break
      }
      if (validation.length === 0) continue
      const logits = await logitsOf(trainer, validation, feed, labels.length)
      const truth = validation.map(({ label }) => label)
      const evaluation = evaluate(logits, truth, labels)
      history.push(evaluation)
      report(epoch, rows, lossSum / rows, evaluation)
      if (best === undefined || evaluation.loss < best.loss) {
        best = { epoch, loss: evaluation.loss, weights: trainer.parameters() }
      } else if (epoch - best.epoch >= recipe.patience) ended = 'early'
    }

    const weights = best?.weights ?? trainer.parameters()
    return {
      model: replaceInitializers(model, weights),
      ended,
      bestEpoch: best?.epoch ?? (step * recipe.batchSize) / train.length,
      steps: step,
      trainable,
      backend: trainer.backend,
      history,
    }
  } finally {
    await trainer.close()
  }
}

type Weights = ReadonlyMap<string, Float32Array>

/** Rows of one evaluation run: enough to keep the backend busy, few enough to stay in its caches. */
const evaluationRows = 128

/** Logits of the examples in their order, [rows · classes]; like lengths run together. */
export async function logitsOf(
  trainer: Trainer,
  examples: readonly Example[],
  feed: (examples: readonly Example[]) => Feeds,
  classes: number,
): Promise<Float32Array> {
  const sorted = examples.map((example, row) => ({ example, row })).sort(byLength)
  const logits = new Float32Array(examples.length * classes)
  for (let start = 0; start < sorted.length; start += evaluationRows) {
    const rows = sorted.slice(start, start + evaluationRows)
    const part = await trainer.evaluate(feed(rows.map(({ example }) => example))) // [rows, classes]
    for (const [at, { row }] of rows.entries()) {
      logits.set(part.subarray(at * classes, (at + 1) * classes), row * classes)
    }
  }
  return logits
}

const byLength = (a: { readonly example: Example }, b: { readonly example: Example }): number =>
  a.example.ids.length - b.example.ids.length

/** (rows / (classes · rows of the class))^power, for the classes that occur; 1 for the others, which no row uses. */
function weightsOf(train: readonly Example[], labels: readonly string[], power: number): number[] {
  const counts = labels.map(() => 0)
  for (const { label } of train) if (label >= 0) counts[label] = (counts[label] ?? 0) + 1
  const rows = counts.reduce((sum, count) => sum + count, 0)
  const occurring = counts.filter((count) => count > 0).length
  if (occurring < 2) {
    const found = labels.filter((_, index) => (counts[index] ?? 0) > 0)
    throw new DriftlineError('LABELS_INVALID', { reason: 'fewer than two classes occur', rows, found })
  }
  return counts.map((count) => (count === 0 ? 1 : (rows / (occurring * count)) ** power))
}
