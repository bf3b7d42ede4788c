import { parentPort, workerData } from 'node:worker_threads'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { normalisers } from '../text/normalisers.ts'
import { createTokenizer } from '../text/tokenizer.ts'
import { setThreadPriority } from './priority.ts'
import type { FromWorker, StopFlag, ToWorker, WorkerInput } from './protocol.ts'
import { proveProvider } from './provider.ts'
import { type ChunkOptions, type Columns, scoreChunk } from './score-chunk.ts'
import { openSession, type Session } from './session.ts'
import { warmUp } from './warm-up.ts'

// A scoring thread: its own normaliser, tokenizer and session. It scores one chunk after another, in their order.

const port = parentPort
if (port === null) throw new Error('inference/worker runs only as a worker thread')
const { input, flag, low, warm } = workerData as {
  readonly input: WorkerInput
  readonly flag: StopFlag
  readonly low: boolean
  readonly warm: boolean
}
if (low) setThreadPriority(true)
const send = (message: FromWorker, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

/** Lets every buffer of a first run be allocated, and shows whether logits and classes agree. */
const firstTexts = ['warm up', 'a longer text, so that a run has rows of different lengths', '']

try {
  const { session, options, ready } = await start()
  let last: Promise<void> = Promise.resolve()
  port.on('message', (message: ToWorker) => {
    last = last.then(async () => {
      if (message.kind === 'score') {
        const columns = await scoreChunk(message.texts, options)
        if (columns !== undefined) reply(columns)
      } else if (message.kind === 'priority') setThreadPriority(message.low)
      else {
        await session.release()
        port.close()
      }
    })
  })
  send(ready)
} catch (error) {
  const { code, details } =
    error instanceof DriftlineError ? error : { code: undefined, details: { reason: messageOf(error) } }
  send({ kind: 'failed', code, details: { ...details } })
  port.close()
}

function reply(columns: Columns): void {
  const { probabilities, tokens, unknown, inferenceUs } = columns
  const buffers = [probabilities, tokens, unknown, inferenceUs].map(({ buffer }) => buffer as ArrayBuffer)
  send({ kind: 'scored', columns }, buffers)
}

async function start(): Promise<{ session: Session; options: ChunkOptions; ready: FromWorker }> {
  const { provider, passedOver } = await proveProvider(input.device)
  const tokenizer = createTokenizer(input.tokenizer, input.tokenizerConfig)
  const graph = input.graphs.get(provider)
  if (graph === undefined) throw new Error(`no graph for ${provider}`)
  const { file } = graph
  const onnx = new Uint8Array(graph.onnx.byteLength) // onnxruntime takes no shared memory
  onnx.set(new Uint8Array(graph.onnx))
  const session = await openSession({ file, onnx, provider, padId: tokenizer.padId })
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
  const failure = (await scoreChunk(firstTexts, options))?.failures[0]
  if (failure !== undefined) {
    await session.release()
    throw new DriftlineError('MODEL_INVALID', { file, reason: `its first run failed: ${failure.reason}` })
  }
  if (warm) await warmUp((texts) => scoreChunk(texts, options), options.nowUs)
  return { session, options, ready: { kind: 'ready', provider, passedOver } }
}
