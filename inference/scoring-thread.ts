import { parentPort, workerData } from 'node:worker_threads'
import { collectGarbage } from '../core/collect-garbage.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { canRaisePriority, setThreadPriority } from '../core/thread-priority.ts'
import { normalisers } from '../text/normalisers.ts'
import { createTokenizer, type Tokenizer } from '../text/tokenizer.ts'
import type { FromWorker, ThreadData, ToWorker, WorkerInput } from './protocol.ts'
import { proveProvider } from './provider.ts'
import { type ChunkOptions, type Columns, scoreChunk } from './score-chunk.ts'
import { openSession, type Session } from './session.ts'
import { warmUp } from './warm-up.ts'

// A scoring thread: one model at a time, with a normaliser, tokenizer and session of its own. It does one thing after another,
// in the order in which it was asked.

const port = parentPort
if (port === null) throw new Error('inference/scoring-thread runs only in a worker thread')
const { flag } = workerData as ThreadData
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

/** Lets every buffer of a first run be allocated, and shows whether logits and classes agree. */
const firstTexts = ['warm up', 'a longer text, so that a run has rows of different lengths', '']

interface Model {
  readonly session: Session
  readonly options: ChunkOptions
}

let model: Model | undefined
/** A version that was trained from another mostly has its tokenizer: making it anew was half of what a load took. */
let kept: { readonly key: string; readonly tokenizer: Tokenizer } | undefined
/** Contents of a tokenizer that is kept while the thread rests, in bytes: it takes some ten times as much memory. */
const mostKept = 4 * 2 ** 20
let last: Promise<void> = Promise.resolve()
port.on('message', (message: ToWorker) => {
  last = last.then(() => act(message))
})

async function act(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'load':
      setThreadPriority(message.low)
      return load(message.input, message.rounds)
    case 'score': {
      if (model === undefined) throw new Error('there is no model to score with')
      const columns = await scoreChunk(message.texts, model.options)
      return columns && reply(columns)
    }
    case 'priority':
      return setThreadPriority(message.low)
    case 'unload':
      await unload()
      if (canRaisePriority()) setThreadPriority(true)
      send({ kind: 'unloaded' })
      return collectGarbage() // what the model has left: the contents of its files
    case 'close':
      await unload()
      return port?.close()
  }
}

function reply(columns: Columns): void {
  const { probabilities, tokens, unknown, inferenceUs } = columns
  const buffers = [probabilities, tokens, unknown, inferenceUs].map(({ buffer }) => buffer as ArrayBuffer)
  send({ kind: 'scored', columns }, buffers)
}

async function unload(): Promise<void> {
  const { session } = model ?? {}
  model = undefined
  await session?.release()
}

async function load(input: WorkerInput, rounds: number): Promise<void> {
  try {
    const { provider, passedOver } = await proveProvider(input.device)
    const tokenizer = tokenizerOf(input)
    const graph = input.graphs.get(provider)
    if (graph === undefined) throw new Error(`no graph for ${provider}`)
    const { file } = graph
    const session = await openSession({ file, onnx: copyOf(graph.onnx), provider, padId: tokenizer.padId })
    const options: ChunkOptions = {
      normalise: normalisers[input.normaliser],
      tokenizer,
      maxTokens: input.maxTokens,
      classes: input.classes,
      batchTokens: input.batchTokens,
      run: session.run,
      nowUs: () => performance.now() * 1000,
      stopped: () => Atomics.load(flag, 0) !== 0,
    }
    model = { session, options }
    const failure = (await scoreChunk(firstTexts, options))?.failures[0]
    if (failure !== undefined) {
      throw new DriftlineError('MODEL_INVALID', { file, reason: `its first run failed: ${failure.reason}` })
    }
    await warmUp((texts) => scoreChunk(texts, options), options.nowUs, rounds)
    send({ kind: 'ready', provider, passedOver })
  } catch (error) {
    const { code, details } =
      error instanceof DriftlineError ? error : { code: undefined, details: { reason: messageOf(error) } }
    await unload()
    send({ kind: 'failed', code, details: { ...details } })
    port?.close()
  }
}

function tokenizerOf({ tokenizer: content, tokenizerKey: key, tokenizerConfig }: WorkerInput): Tokenizer {
  if (kept?.key === key) return kept.tokenizer
  kept = undefined
  const tokenizer = createTokenizer(JSON.parse(textOf(content)), tokenizerConfig)
  if (content.byteLength <= mostKept) kept = { key, tokenizer }
  return tokenizer
}

/** Neither onnxruntime nor a decoder takes shared memory. */
function copyOf(shared: SharedArrayBuffer): Uint8Array {
  const copy = new Uint8Array(shared.byteLength)
  copy.set(new Uint8Array(shared))
  return copy
}

const textOf = (shared: SharedArrayBuffer): string => new TextDecoder().decode(copyOf(shared))
