import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { describeComparison } from '../training/after/certify.ts'
import { backendNames } from '../training/backends/backend.ts'
import { defaultWorkers } from '../training/backends/select.ts'
import type { HoldOut } from '../training/data.ts'
import type { Progress, Recipe } from '../training/finetune.ts'
import { type PresetName, presets } from '../training/presets/presets.ts'
import { describeSet } from '../training/report.ts'
import { type TrainReport, trainModel } from '../training/train-model.ts'
import type { Layers } from '../training/trainable.ts'
import { runs, verb } from './command.ts'
import { lineWidth } from './line-width.ts'
import { whole } from './whole.ts'

interface TrainFlags extends Record<string, unknown> {
  readonly labels: string
  readonly base?: string
  readonly preset?: PresetName
  readonly out?: string
  readonly name?: string
  readonly modelVersion?: number
  readonly license?: string
  readonly holdOut: HoldOut
  readonly evaluate: readonly string[]
  readonly pretrain?: string
  readonly pretrainEpochs: number
  readonly teacher: readonly string[]
  readonly distillation?: number
  readonly replay?: string
  readonly newWords: number
  readonly layers?: Layers
  readonly epochs?: number
  readonly patience?: number
  readonly batchSize?: number
  readonly learningRate?: number
  readonly classWeightPower?: number
  readonly labelSmoothing?: number
  readonly wordDropout?: number
  readonly int8: boolean
  readonly fp16?: boolean
  readonly backend: 'auto' | (typeof backendNames)[number]
  readonly workers?: number
  readonly seed: number
}

export const trainCommand = () =>
  verb('train', 'fine-tune a model on labelled posts, or train a preset from scratch')
    .requiredOption('--labels <file>', 'labelled posts: JSON Lines of text, label, perhaps id and ts; .gz is unpacked')
    .option('--base <model>', '`bundled` or a model directory to go on from')
    .addOption(new Option('--preset <name>', 'architecture to train from scratch').choices(Object.keys(presets)))
    .option(
      '--out <dir>',
      'directory of the new version (default: the first free one under trained/ in the data folder)',
    )
    .option('--name <name>', "the model's name (default: the base's, or the preset's)")
    .option('--model-version <n>', "version number in the manifest (default: the base's and one, or 1)", whole(1))
    .option('--license <id>', "licence in the manifest (default: the base's)")
    .addOption(
      new Option('--hold-out <share|time>', 'newest posts that training never sees: a share, or from a time on')
        .argParser(holdOut)
        .default({ share: 0.1 }, '0.1'),
    )
    .addOption(repeatable('--evaluate <file>', 'further labelled posts to report on (repeatable)'))
    .option('--pretrain <file>', 'posts with coarser labels to train on first')
    .option('--pretrain-epochs <n>', 'passes over them', whole(1), 2)
    .addOption(repeatable('--teacher <model>', 'a model to learn from along with the labels (repeatable: their mean)'))
    .option('--distillation <x>', "weight of the teachers' answers against the labels' 1 (default: 1)", positive)
    .option('--replay <file>', "posts on which only the teachers' answers count")
    .option('--new-words <n>', 'most words to add to the base vocabulary, of those in at least 10 posts', whole(0), 200)
    .option('--layers <all|head|k>', 'train everything, the head, or the last k encoder layers too', layers)
    .option('--epochs <n>', 'most passes over the posts', whole(1))
    .option('--patience <n>', 'passes without a better validation loss before it stops', whole(1))
    .option('--batch-size <n>', 'posts per step', whole(1))
    .option('--learning-rate <x>', 'peak of the schedule', positive)
    .option('--class-weight-power <x>', '0 trains for accuracy, 1 for macro-recall', share)
    .option('--label-smoothing <x>', 'share of each label that is spread over all classes', share)
    .option('--word-dropout <x>', 'share of words hidden while training', share)
    .option('--no-int8', 'do not make the int8 variant')
    .option('--fp16', 'make the float16 variant too, for CUDA')
    .addOption(new Option('--backend <name>', 'what computes').choices(['auto', ...backendNames]).default('auto'))
    .option(
      '--workers <n>',
      'threads that share each batch (default: up to 4; 1 on tensorflow, which has its own)',
      whole(1),
    )
    .option('--seed <n>', 'the same seed and number of threads give the same model', whole(0), 1)
    .action(
      runs<TrainFlags>(async ({ config, json, signal }, flags) => {
        const progress = progressLine()
        const report = await trainModel({
          labels: flags.labels,
          from: origin(flags),
          out: flags.out ?? firstFree(join(config.data, 'trained')),
          name: flags.name,
          version: flags.modelVersion,
          license: flags.license,
          lineage: { command: ['driftline', ...process.argv.slice(2)].join(' ') },
          holdOut: flags.holdOut,
          evaluate: flags.evaluate,
          pretrain: flags.pretrain === undefined ? undefined : { path: flags.pretrain, epochs: flags.pretrainEpochs },
          teachers: flags.teacher,
          replay: flags.replay,
          newWords: { most: flags.newWords, minFrequency: 10 },
          recipe: overrides(flags),
          variants: [...(flags.int8 ? (['int8'] as const) : []), ...(flags.fp16 ? (['fp16'] as const) : [])],
          backend: flags.backend,
          workers: flags.workers ?? defaultWorkers(flags.backend),
          seed: flags.seed,
          clock: systemClock,
          signal,
          onPhase: progress.phase,
          onProgress: progress.step,
        })
        progress.end()
        process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${describe(report).join('\n')}\n`)
        return report.certificate.passed ? 0 : 1
      }),
    )

/** `1`, `2`, … whichever is not there yet. */
function firstFree(folder: string): string {
  let number = 1
  while (existsSync(join(folder, String(number)))) number++
  return join(folder, String(number))
}

function origin({
  base,
  preset,
  teacher,
  replay,
  distillation,
}: TrainFlags): { base: string } | { preset: PresetName } {
  if (teacher.length === 0 && (replay !== undefined || distillation !== undefined)) {
    throw new DriftlineError('USAGE', { reason: '--replay and --distillation need a --teacher whose answers count' })
  }
  if (base !== undefined && preset === undefined) return { base }
  if (preset !== undefined && base === undefined) return { preset }
  throw new DriftlineError('USAGE', { reason: 'give either --base or --preset' })
}

function overrides(flags: TrainFlags): Partial<Recipe> {
  const { layers, epochs, patience, batchSize, learningRate, distillation } = flags
  const { classWeightPower, labelSmoothing, wordDropout } = flags
  const given = {
    ...{ layers, epochs, patience, batchSize, learningRate, distillation },
    ...{ classWeightPower, labelSmoothing, wordDropout },
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function describe({ out, rows, training, newWords, temperature, certificate, sets }: TrainReport): string[] {
  const seconds = (training.ms / 1000).toFixed(0)
  return [
    `${out}: trained on ${rows.train} posts${rows.replayed > 0 ? ` and ${rows.replayed} replayed` : ''} in ${seconds} s (${training.backend}, ${training.ended}, best epoch ${training.bestEpoch})`,
    ...(rows.contradictory > 0 ? [`  ${rows.contradictory} posts with contradictory labels were left out`] : []),
    ...(newWords.length > 0 ? [`  ${newWords.length} new words: ${newWords.slice(0, 20).join(', ')}`] : []),
    `  temperature ${temperature.toFixed(3)}`,
    ...certificate.comparisons.map((comparison) => `  certificate ${describeComparison(comparison)}`),
    ...sets.flatMap(describeSet),
  ]
}

/** One line that is rewritten on a terminal; elsewhere a line per phase and per validated epoch. */
function progressLine() {
  const { isTTY } = process.stderr
  let shownAt = 0
  const write = (text: string, lasting: boolean) =>
    process.stderr.write(
      isTTY ? `\r\x1b[K${lasting ? `${text}\n` : text.slice(0, lineWidth())}` : lasting ? `${text}\n` : '',
    )
  return {
    phase: (phase: string) => write(phase, true),
    step({ epoch, step, totalSteps, loss, postsPerSecond, remainingMs, validation }: Progress) {
      const now = systemClock.now()
      if (validation === undefined && now - shownAt < 250) return
      shownAt = now
      const filled = Math.round((20 * step) / totalSteps)
      const bar = '█'.repeat(filled).padEnd(20, '░')
      const left = `${Math.ceil(remainingMs / 1000)} s left`
      const held =
        validation === undefined
          ? ''
          : `, validation loss ${validation.loss.toFixed(4)} macro-recall ${(100 * validation.macroRecall).toFixed(1)}`
      const text = `${bar} epoch ${epoch} loss ${loss.toFixed(4)}, ${Math.round(postsPerSecond)} posts/s, ${left}${held}`
      write(text, validation !== undefined)
    },
    end: () => write('', false),
  }
}

const repeatable = (flags: string, description: string): Option =>
  new Option(flags, description)
    .argParser((value: string, list: readonly string[]): readonly string[] => [...list, value])
    .default([], 'none')

function positive(value: string): number {
  const number = Number(value)
  if (value !== '' && Number.isFinite(number) && number >= 0) return number
  throw new InvalidArgumentError('It must be a number of at least 0.')
}

function share(value: string): number {
  const number = positive(value)
  if (number <= 1) return number
  throw new InvalidArgumentError('It must be a number from 0 to 1.')
}

function holdOut(value: string): HoldOut {
  const share = Number(value)
  if (value !== '' && share >= 0 && share < 1) return { share }
  const fromMs = Date.parse(value)
  if (Number.isNaN(share) && !Number.isNaN(fromMs)) return { fromMs }
  throw new InvalidArgumentError('It must be a share from 0 to below 1, or an ISO 8601 time.')
}

function layers(value: string): Layers {
  if (value === 'all' || value === 'head') return value
  return whole(1)(value)
}
