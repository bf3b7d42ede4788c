import { rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { proveWithAnswers } from '../inference/proof/prove-model.ts'
import { downloadFromHub } from '../models/import/download-from-hub.ts'
import { cachedModelPath, type HubModel, parseHubModel } from '../models/import/hub.ts'
import { type Imported, importModel, modelName } from '../models/import/import-model.ts'
import { prepareOut } from '../models/import/out-folder.ts'
import { loadModel, parseModelSetting } from '../models/load-model.ts'
import { cardFile, type ModelDirectory } from '../models/model-directory.ts'
import { proofLimits } from '../models/proof/report.ts'
import type { Lineage, Manifest } from '../models/registry/manifest.ts'
import { standingOf } from '../models/registry/may-take-alias.ts'
import { openRegistryAt } from '../models/registry/open-registry.ts'
import { signaturesOf } from '../models/registry/signatures.ts'
import { normalisers } from '../text/normalisers.ts'
import { type Context, runs, verb } from './command.ts'
import { downloadProgress } from './download-progress.ts'
import { canaryCommand } from './models-canary.ts'
import { collectCommand, deleteCommand } from './models-delete.ts'
import { diffCommand } from './models-diff.ts'
import { listCommand } from './models-list.ts'
import { promoteCommand, rollbackCommand } from './models-promote.ts'
import { publishCommand } from './models-publish.ts'
import { keygenCommand, signCommand } from './models-sign.ts'
import { verifyModelsCommand } from './models-verify.ts'
import { openGraph } from './open-graph.ts'
import { rounded } from './rounded.ts'

interface ImportFlags extends Record<string, unknown> {
  readonly out: string
  readonly name?: string
  readonly labels?: readonly string[]
  readonly normaliser: Manifest['text']['normaliser']
  readonly maxTokens?: number
  readonly license: string
  readonly force: boolean
}

/** Looks at models, makes model directories, and says which version scores. */
export const modelsCommand = () =>
  [
    listCommand,
    showCommand,
    importCommand,
    publishCommand,
    promoteCommand,
    rollbackCommand,
    canaryCommand,
    diffCommand,
    verifyModelsCommand,
    keygenCommand,
    signCommand,
    deleteCommand,
    collectCommand,
  ].reduce(
    (models, command) => models.addCommand(command()),
    new Command('models').description('list, import, publish, compare and promote versions of models'),
  )

const showCommand = () =>
  verb('show', 'verify a model directory and print what it says about itself')
    .argument(
      '[model]',
      'name in the registry, name@version, `bundled` or a model directory (default: DRIFTLINE_MODEL)',
    )
    .addHelpText('after', '\nExample:\n  $ driftline models show bundled')
    .action(
      runs(async (context, _, [model = context.config.model]) => {
        const { config, json, signal } = context
        const directory = await loadModel(model, config, { signal })
        const about = await standing(directory, model, context)
        const { path, labels, manifest } = directory
        process.stdout.write(
          json
            ? `${JSON.stringify({ path, labels, manifest, ...about }, null, 2)}\n`
            : `${describe(directory, about).join('\n')}\n`,
        )
        return 0
      }),
    )

const importCommand = () =>
  verb('import', 'make a model directory of a Hugging Face text classifier, once it has proved to work')
    .argument('<source>', 'directory of the export, or hub:<owner>/<name>[@<revision>]')
    .requiredOption('--out <directory>', 'model directory to make')
    .option('--name <name>', "the model's name (default: made of the source's)")
    .option('--labels <names>', 'class names in the order of the logits, as a,b,c (default: id2label)', labelList)
    .addOption(
      new Option('--normaliser <name>', 'what is done to a text before the tokenizer')
        .choices(Object.keys(normalisers))
        .default('none'),
    )
    .option('--max-tokens <n>', 'longer texts are cut (default: what the model allows, at most 512)', tokenLimit)
    .option('--license <id>', 'licence in the manifest', 'unspecified')
    .option('--force', 'replace the model directory that is at --out', false)
    .option('--device <device>', 'what it is tried on: auto, cpu, cuda or webgpu (DRIFTLINE_DEVICE)')
    .addHelpText(
      'after',
      `
Examples:
  $ driftline models import ./export --out ./models/reviews --labels bad,good
  $ driftline models import hub:owner/name@main --out ./models/name --normaliser social-1
  $ driftline predict --model ./models/reviews "well worth it"

An export has config.json, tokenizer.json and model.onnx, or onnx/model.onnx. Downloads need the package
@huggingface/transformers (npm install @huggingface/transformers), and HF_TOKEN for gated models; what has arrived stays
in hub/ in the data folder until the import has succeeded.`,
    )
    .action(
      runs<ImportFlags>(async ({ config, loaded, log, json, signal }, flags, [source = '']) => {
        if (loaded.origins.logLevel === 'default') log.level = 'warn'
        const hub = source.startsWith('hub:') ? parseHubModel(source.slice('hub:'.length)) : undefined
        const name = flags.name ?? modelName(basename(hub?.id ?? resolve(source)))
        const note = (text: string) => process.stderr.write(`note: ${text}\n`)
        const importing = (directory: string) =>
          importModel({
            ...flags,
            source: directory,
            name,
            labels: flags.labels,
            maxTokens: flags.maxTokens,
            clock: systemClock,
            note,
            open: openGraph,
            prove: (made) => {
              const limits = proofLimits(made.manifest, config.proofSeconds)
              return proveWithAnswers(made, { device: config.device, limits, log, signal })
            },
          })
        const out = resolve(flags.out)
        await prepareOut(out, { force: flags.force, clock: systemClock, note }) // before a download of minutes
        const imported = hub === undefined ? await importing(source) : await fromHub(hub, config, signal, importing)
        for (const text of notes(imported)) note(text)
        const { manifest, labels, folded } = imported
        process.stdout.write(
          json
            ? `${JSON.stringify({ out, labels, folded, manifest }, null, 2)}\n`
            : `${out}: ${manifest.name}, ${labels.join(', ')}; texts of up to ${manifest.text.maxTokens} tokens\n`,
        )
        return 0
      }),
    )

/** Downloads into the data folder; once the model is imported, the copy there has served. */
async function fromHub(
  model: HubModel,
  config: Config,
  signal: AbortSignal,
  importing: (directory: string) => Promise<Imported>,
): Promise<Imported> {
  const cache = join(config.data, 'hub')
  const progress = downloadProgress(process.stderr, systemClock)
  const directory = await downloadFromHub({ model, cache, signal, onProgress: progress.show }).finally(progress.end)
  const imported = await importing(directory)
  await rm(cachedModelPath(cache, model), { recursive: true, force: true })
  return imported
}

function* notes({ labels, folded }: Imported): Generator<string> {
  if (folded.length > 0) yield `the tensors of ${folded.join(', ')} are now in model.onnx`
  if (labels.some((label) => /^LABEL_\d+$/.test(label))) {
    yield `the classes are called ${labels.join(', ')}; name them with --labels a,b,c in the same order`
  }
}

interface Standing {
  readonly aliases: readonly string[]
  /** Keys that signed it. */
  readonly signedBy: readonly string[]
  readonly certificate: string
  readonly gates: string
}

/** What is said about a model, in its directory and beside it. */
async function standing(
  directory: ModelDirectory,
  model: string,
  { config, signal }: Pick<Context, 'config' | 'signal'>,
): Promise<Standing> {
  const { name, version } = directory.manifest
  const { certificate, gates } = standingOf(directory)
  const said = { certificate, gates }
  if (parseModelSetting(model).kind === 'directory') return { ...said, aliases: [], signedBy: [] }
  const registry = await openRegistryAt(config, { signal })
  const { at } = await registry.aliases(name)
  const { signatures } = await signaturesOf(registry.documents, name, version)
  const aliases = Object.keys(at).filter((alias) => at[alias] === version)
  return { ...said, aliases, signedBy: signatures.map(({ key }) => key) }
}

function describe({ path, labels, manifest }: ModelDirectory, about: Standing): string[] {
  const { name, version, parent, createdAt, license, text, files, metrics, reference, lineage } = manifest
  const row = (title: string, value: string) => `  ${title.padEnd(11)} ${value}`
  const from = parent === null ? '' : `, fine-tuned from version ${parent}`
  return [
    `${name} version ${version} (${path})`,
    row('made', `${createdAt}${from}`),
    row('licence', license),
    row('card', Object.hasOwn(files, cardFile) ? cardFile : 'none'),
    row('classes', labels.join(', ')),
    row('text', `normaliser ${text.normaliser}, at most ${text.maxTokens} tokens`),
    row('metrics', list(Object.entries(metrics).map(([key, value]) => `${key} ${rounded(value)}`))),
    row('reference', list(Object.keys(reference))),
    row('certificate', about.certificate),
    row('gates', about.gates),
    row('aliases', list(about.aliases)),
    row('signed by', list(about.signedBy)),
    ...(lineage === undefined ? [] : [row('lineage', lineageText(lineage))]),
    row('files', `sha256 verified, ${sizeOf(files)} MB`),
    ...Object.entries(files).map(([file, { bytes, sha256 }]) => `    ${file}, ${bytes} bytes, ${sha256}`),
  ]
}

const sizeOf = (files: Manifest['files']): string =>
  (Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1)

function lineageText({ labels, replayed, dataFrom, dataTo, seed, codeVersion, checkId }: Lineage): string {
  const times = dataFrom === null || dataTo === null ? '' : ` from ${dataFrom.slice(0, 16)} to ${dataTo.slice(0, 16)}`
  const check = checkId === undefined ? '' : `, after check ${checkId}`
  return `${labels} labels${times}, ${replayed} replayed, seed ${seed}, driftline ${codeVersion}${check}`
}

const list = (entries: readonly string[]): string => (entries.length > 0 ? entries.join(', ') : 'none')

function labelList(value: string): readonly string[] {
  const labels = value.split(',').map((label) => label.trim())
  if (labels.length >= 2 && labels.every((label) => label !== '') && new Set(labels).size === labels.length)
    return labels
  throw new InvalidArgumentError('It must be at least two different names, separated by commas.')
}

function tokenLimit(value: string): number {
  const limit = Number(value)
  if (Number.isInteger(limit) && limit >= 1 && limit <= 8192) return limit
  throw new InvalidArgumentError('It must be a whole number from 1 to 8192.')
}
