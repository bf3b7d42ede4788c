import { messageOf } from '../../core/errors.ts'
import { parseBoundedJson } from '../../models/bounded-json.ts'
import { checkGraph } from '../../models/import/check-graph.ts'
import { loadModelDirectory, type ModelDirectory } from '../../models/model-directory.ts'
import { Golden, goldenFile, goldenTolerance, largestDifference } from '../../models/proof/golden.ts'
import { inspectGraph } from '../../models/proof/inspect-graph.ts'
import { refuse } from '../../models/proof/refuse.ts'
import { type ProofStep, proofKey } from '../../models/proof/report.ts'
import { variantFiles } from '../../models/variants.ts'
import { type Provider, proveProvider } from '../provider.ts'
import { openSession, type Session } from '../session.ts'
import type { ProofFindings, ProofOrder } from './protocol.ts'
import { sampledIds, Trial } from './trial.ts'
import { tryTokenizer } from './try-tokenizer.ts'

/** Told of each step before it is taken: a step that does not return is then known by its name. */
export type OnStep = (step: ProofStep) => Promise<void>

/** A graph of the model that is open. */
interface Opened {
  readonly file: string
  readonly session: Session
}

/**
 * Tries a model as the score job would use it, step by step, and everything that is cheap to look at before anything is run. It
 * may hang, crash or take all memory: only a process that can be killed calls it.
 *
 * @throws DriftlineError `MODEL_INVALID`, `MODEL_UNSAFE`, `MODEL_TOO_COSTLY`, `PROVIDER_UNAVAILABLE`
 */
export async function tryModel(order: ProofOrder, onStep: OnStep): Promise<ProofFindings> {
  const steps: ProofFindings['steps'] = []
  const step = async <T>(name: ProofStep, act: () => Promise<T> | T, found: (value: T) => string): Promise<T> => {
    await onStep(name)
    const startedMs = performance.now()
    const value = await act()
    steps.push({ name, ms: Math.round(performance.now() - startedMs), found: found(value) })
    return value
  }

  const directory = await step(
    'files',
    () => loadModelDirectory(order.path),
    ({ files }) => `${files.size} files are what the manifest says`,
  )
  const graphs = [...new Set(Object.values(variantFiles))].filter((file) => directory.files.has(file))
  const operators = await step(
    'graph',
    () => [...new Set(graphs.flatMap((file) => inspect(directory, file)))].sort(),
    (names) => `${names.length} operators, all known; tensors in the file, ${directory.labels.length} classes`,
  )
  const tokenizer = await step(
    'tokenizer',
    () => tryTokenizer(directory, order.encodeMs),
    ({ vocabularySize, path }) => `${vocabularySize} ids, ${path}`,
  )
  const provider = await proveProvider(order.device).then((proved) => proved.provider)
  const opened = await step(
    'load',
    () => openAll(directory, graphs, provider, tokenizer.padId),
    (sessions) => `${sessions.map(({ file }) => file).join(', ')} on ${provider}`,
  )
  const tried = opened.map(({ file, session }) => new Trial(directory, tokenizer, file, session))
  await step(
    'run',
    () => each(tried, (trial) => trial.texts()),
    () => 'every probe has finite probabilities',
  )
  await step(
    'ids',
    () => each(tried, (trial) => trial.ids()),
    (refused) => `${Math.max(...refused)} of ${sampledIds} ids fail`,
  )
  await step(
    'repeat',
    () => each(tried, (trial) => trial.again()),
    () => 'the same texts have the same scores',
  )
  await step(
    'golden',
    () => compareGolden(directory, tried[0]),
    (difference) => (difference === undefined ? 'none' : `at most ${difference.toExponential(1)} from what it was`),
  )
  const msPerPost = await step(
    'speed',
    () => (tried[0] ?? noGraph()).speed(order.postMs),
    ({ short, longest }) => `${short.toFixed(2)} ms a short post, ${longest.toFixed(1)} ms the longest`,
  )
  return {
    schema: 1,
    key: proofKey(directory.manifest),
    provider,
    steps,
    operators,
    msPerPost,
    ...(order.golden ? { golden: await (tried[0] ?? noGraph()).golden() } : {}),
  }
}

const noGraph = (): never => {
  throw new Error('a model directory without model.onnx was loaded')
}

async function each<T>(trials: readonly Trial[], act: (trial: Trial) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (const trial of trials) results.push(await act(trial))
  return results
}

/** @returns the operators of a graph that may run and that is the classifier it says it is */
function inspect({ files, labels }: ModelDirectory, file: string): readonly string[] {
  const facts = inspectGraph(files.get(file) ?? new Uint8Array(0), { file })
  const classes = checkGraph(facts, file)
  if (classes !== undefined && classes !== labels.length) {
    refuse('MODEL_INVALID', file, `it has ${classes} classes, and id2label of config.json names ${labels.length}`)
  }
  return facts.operators
}

async function openAll(
  { files }: ModelDirectory,
  graphs: readonly string[],
  provider: Provider,
  padId: number,
): Promise<Opened[]> {
  const opened: Opened[] = []
  for (const file of graphs) {
    const onnx = files.get(file) ?? new Uint8Array(0)
    opened.push({ file, session: await openSession({ file, onnx, provider, padId }) })
  }
  return opened
}

/** @returns the largest difference; `undefined` for a model without golden answers */
async function compareGolden(directory: ModelDirectory, trial: Trial | undefined): Promise<number | undefined> {
  const content = directory.files.get(goldenFile)
  if (content === undefined || trial === undefined) return undefined
  const golden = readGolden(content)
  const difference = largestDifference(golden, await trial.answers(golden.cases.map(({ text }) => text)))
  if (!(difference <= goldenTolerance)) {
    const reason = `it answers otherwise than when it was made, by up to ${difference.toPrecision(2)}`
    refuse('MODEL_INVALID', goldenFile, reason)
  }
  return difference
}

function readGolden(content: Uint8Array): Golden {
  try {
    return Golden.parse(parseBoundedJson(content, { bytes: 2 ** 20, values: 1_000_000, depth: 8 }))
  } catch (error) {
    return refuse('MODEL_INVALID', goldenFile, messageOf(error), error)
  }
}
