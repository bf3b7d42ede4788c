import { DriftlineError, messageOf } from '../../core/errors.ts'
import { parseBoundedJson } from '../../models/bounded-json.ts'
import { checkGraph } from '../../models/import/check-graph.ts'
import { loadModelDirectory, type ModelDirectory } from '../../models/model-directory.ts'
import { Golden, goldenFile, goldenTolerance, largestDifference } from '../../models/proof/golden.ts'
import { idsIn } from '../../models/proof/ids.ts'
import { inspectGraph } from '../../models/proof/inspect-graph.ts'
import { nestsRepetition, patternsOf, signsIn } from '../../models/proof/patterns.ts'
import { costlyProbes, longProbe, shortProbes } from '../../models/proof/probes.ts'
import { refuse } from '../../models/proof/refuse.ts'
import { type ProofStep, proofKey } from '../../models/proof/report.ts'
import { variantFiles } from '../../models/variants.ts'
import { normalisers } from '../../text/normalisers.ts'
import { createTokenizer, type Tokenizer } from '../../text/tokenizer.ts'
import { type Provider, proveProvider } from '../provider.ts'
import { type ChunkOptions, type Columns, scoreChunk } from '../score-chunk.ts'
import { openSession, type Session } from '../session.ts'
import type { ProofFindings, ProofOrder } from './protocol.ts'

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

const mostIds = 4_000_000

function tryTokenizer(directory: ModelDirectory, encodeMs: number): Tokenizer {
  const file = 'tokenizer.json'
  const signs: string[] = []
  for (const pattern of patternsOf(directory.tokenizer)) {
    if (nestsRepetition(pattern)) {
      refuse('MODEL_UNSAFE', file, `its pattern ${pattern} repeats a repetition, and takes for ever on some texts`)
    }
    signs.push(...signsIn(pattern))
  }
  for (const id of idsIn(directory.tokenizer)) {
    if (!(typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < mostIds)) {
      refuse('MODEL_INVALID', file, `it has the id ${String(id)}, which is no whole number from 0 to ${mostIds}`)
    }
  }
  const tokenizer = buildTokenizer(directory)
  const { normaliser, maxTokens } = directory.manifest.text
  for (const probe of costlyProbes(signs)) {
    const ms = leastOfTwo(() => tokenizer.encode(normalisers[normaliser](probe), maxTokens), encodeMs)
    if (ms > encodeMs) {
      const shown = JSON.stringify(probe.slice(0, 4))
      const reason = `its tokenizer takes ${ms.toFixed(0)} ms for a text of ${probe.length} signs (${shown}…), more than ${encodeMs}`
      refuse('MODEL_TOO_COSTLY', file, reason)
    }
  }
  return tokenizer
}

/** Whatever the library throws about a file of unknown origin, the file is to blame. */
function buildTokenizer({ tokenizer, tokenizerConfig }: ModelDirectory): Tokenizer {
  try {
    return createTokenizer(tokenizer, tokenizerConfig)
  } catch (error) {
    if (error instanceof DriftlineError) throw error
    return refuse('MODEL_INVALID', 'tokenizer.json', messageOf(error), error)
  }
}

/** Milliseconds, from two tries when the first is over the limit: a busy machine is not the model's fault. */
function leastOfTwo(act: () => unknown, limitMs: number): number {
  const once = (): number => {
    const startedMs = performance.now()
    try {
      act()
    } catch (error) {
      refuse('MODEL_INVALID', 'tokenizer.json', `it fails on a text: ${messageOf(error)}`, error)
    }
    return performance.now() - startedMs
  }
  const first = once()
  return first <= limitMs ? first : Math.min(first, once())
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

const sampledIds = 64
/** Of the ids: a few that the embedding lacks cost only the posts they occur in, many are another model's vocabulary. */
const mostRefusedIds = 0.1

/** One graph of a model, scoring. */
class Trial {
  readonly #file: string
  readonly #options: ChunkOptions
  readonly #probes: readonly string[]
  #first: Columns | undefined

  constructor({ manifest, labels }: ModelDirectory, tokenizer: Tokenizer, file: string, session: Session) {
    this.#file = file
    const { maxTokens, normaliser } = manifest.text
    this.#probes = [...shortProbes, longProbe(maxTokens)]
    this.#options = {
      normalise: normalisers[normaliser],
      tokenizer,
      maxTokens,
      classes: labels.length,
      batchTokens: Math.max(512, maxTokens),
      run: session.run,
      nowUs: () => performance.now() * 1000,
      stopped: () => false,
    }
  }

  /** A run that fails is cut in halves until each text stands alone, which hides a model that takes no two at a time. */
  async #together(): Promise<void> {
    const { tokenizer, maxTokens, classes, normalise, run } = this.#options
    const rows = this.#probes.slice(0, 4).map((text) => tokenizer.encode(normalise(text), maxTokens).ids)
    try {
      const { length } = await run(rows)
      if (length !== rows.length * classes) throw new Error(`it gave ${length} logits for ${rows.length} texts`)
    } catch (error) {
      const reason = `it does not score texts of different lengths together: ${messageOf(error)}`
      refuse('MODEL_INVALID', this.#file, reason, error)
    }
  }

  async texts(): Promise<void> {
    this.#first = await this.#score(this.#probes)
    for (const { index, reason } of this.#first.failures) {
      const said =
        index < shortProbes.length
          ? 'it cannot score a short text'
          : `it scores a short text, but not one of ${this.#options.maxTokens} tokens; lower --max-tokens`
      refuse('MODEL_INVALID', this.#file, `${said}: ${reason}`)
    }
    await this.#together()
  }

  /** @returns how many of some ids, spread over the vocabulary, the graph does not take */
  async ids(): Promise<number> {
    const { vocabularySize } = this.#options.tokenizer
    const ids = Array.from({ length: sampledIds }, (_, at) =>
      Math.floor((at * Math.max(0, vocabularySize - 1)) / (sampledIds - 1)),
    )
    const encode = (text: string) => ({ ids: [Number(text)], unknown: 0, truncated: false })
    const tokenizer: Tokenizer = { ...this.#options.tokenizer, encode }
    const { failures } = await this.#score(ids.map(String), { normalise: (text) => text, tokenizer })
    const [first] = failures
    if (first !== undefined && failures.length > mostRefusedIds * sampledIds) {
      const reason = `it fails on ${failures.length} of ${sampledIds} ids of the tokenizer's vocabulary: ${first.reason}`
      refuse('MODEL_INVALID', this.#file, reason)
    }
    return failures.length
  }

  /** @throws DriftlineError `MODEL_UNSAFE` when the same texts have other scores */
  async again(): Promise<void> {
    const { probabilities } = await this.#score(shortProbes) // first in the probes, and in the same run as then
    const worst = probabilities.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (this.#first?.probabilities[at] ?? Number.NaN))),
      0,
    )
    if (!(worst <= 1e-6)) {
      const reason = `the same texts have other scores the second time, by up to ${worst.toPrecision(2)}`
      refuse('MODEL_UNSAFE', this.#file, reason)
    }
  }

  /** Milliseconds a post, the least of some runs. */
  async speed(mostMs: number): Promise<ProofFindings['msPerPost']> {
    const time = async (texts: readonly string[]): Promise<number> => {
      let least = Number.POSITIVE_INFINITY
      for (let round = 0; round < 3; round++) {
        const startedMs = performance.now()
        await this.#score(texts)
        least = Math.min(least, (performance.now() - startedMs) / texts.length)
        if (performance.now() - startedMs > 1000) break // measured well enough
      }
      return least
    }
    const [short, longest] = [await time(shortProbes), await time(this.#probes.slice(-1))]
    if (short > mostMs) {
      const reason = `it takes ${short.toFixed(0)} ms for a short post on one thread, more than ${mostMs}`
      refuse('MODEL_TOO_COSTLY', this.#file, reason)
    }
    return { short, longest }
  }

  /** Probabilities of texts; `undefined` for one that it cannot score. */
  async answers(texts: readonly string[]): Promise<(readonly number[] | undefined)[]> {
    const { classes } = this.#options
    const { probabilities, failures } = await this.#score(texts)
    const failed = new Set(failures.map(({ index }) => index))
    return texts.map((_, at) =>
      failed.has(at) ? undefined : [...probabilities.subarray(at * classes, (at + 1) * classes)],
    )
  }

  async golden(): Promise<Golden> {
    const answers = await this.answers(shortProbes)
    return { schema: 1, cases: shortProbes.map((text, at) => ({ text, probabilities: [...(answers[at] ?? [])] })) }
  }

  async #score(texts: readonly string[], change: Partial<ChunkOptions> = {}): Promise<Columns> {
    const columns = await scoreChunk(texts, { ...this.#options, ...change })
    if (columns === undefined) throw new Error('nobody stops a trial')
    return columns
  }
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
