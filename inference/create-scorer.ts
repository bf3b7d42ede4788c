import { availableParallelism } from 'node:os'
import { type Clock, systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { ModelDirectory } from '../models/model-directory.ts'
import type { Variant } from '../models/variants.ts'
import { chooseVariant } from './choose-variant.ts'
import { Pool } from './pool.ts'
import { canRaisePriority } from './priority.ts'
import type { SharedGraph, WorkerInput } from './protocol.ts'
import type { Device, Provider } from './provider.ts'
import type { Scorer } from './scorer.ts'
import { startThreads } from './thread.ts'

export interface ScorerOptions {
  readonly directory: ModelDirectory
  readonly device: Device
  /** See `chooseVariant`; default `auto`. */
  readonly variant?: 'auto' | Variant
  /** Threads; 0 stands for one less than the cores on cpu, and two on a GPU (one prepares while one runs). */
  readonly workers: number
  /** Most tokens in one run, padding included. */
  readonly batchTokens: number
  /**
   * For a model that is loaded beside one that needs the cores: its threads are started one after another, yield to
   * others, and warm up longer. `low at first` ends with the loading, and is `usual` where a priority cannot be raised again.
   */
  readonly priority?: Priority
  readonly log: Log
  /** Closes the scorer; calls in flight are rejected with its reason. */
  readonly signal?: AbortSignal
  /** Longest time for a chunk of at most 256 posts, in milliseconds; raise it for models slower than 3 posts a second. */
  readonly timeLimitMs?: number
  readonly clock?: Clock
}

/** On a machine that is busy through and through, threads of a low priority would hardly start: a swap may not wait for ever. */
const yieldMs = 1000

export type Priority = 'usual' | 'low' | 'low at first'

/**
 * Loads a model into worker threads and warms it. Scorers share nothing, so that an old and a new version can be held
 * side by side.
 *
 * @throws DriftlineError `MODEL_INVALID` when graph, tokenizer and classes do not fit together, `PROVIDER_UNAVAILABLE`
 *   when `device` names one that does not work here
 */
export async function createScorer(options: ScorerOptions): Promise<Scorer> {
  const { directory, device, variant: setting = 'auto', priority = 'usual', log, signal } = options
  const { manifest, labels } = directory
  signal?.throwIfAborted()
  const input: WorkerInput = {
    graphs: sharedGraphs(directory, setting, device === 'auto' ? ['cuda', 'cpu'] : [device]),
    tokenizer: directory.tokenizer,
    tokenizerConfig: directory.tokenizerConfig,
    normaliser: manifest.text.normaliser,
    maxTokens: manifest.text.maxTokens,
    classes: labels.length,
    batchTokens: options.batchTokens,
    device,
  }
  let low = priority === 'low' || (priority === 'low at first' && canRaisePriority())
  const clock = options.clock ?? systemClock
  const startedMs = clock.now()
  const startsLow = () => low && (priority === 'low' || clock.now() - startedMs < yieldMs)
  const toForeground = (): boolean => {
    if (!low) return true
    if (!canRaisePriority()) return false
    low = false
    pool.setPriority(false)
    return true
  }
  const pool = new Pool({
    start: startThreads(input, startsLow, priority !== 'usual'),
    labels,
    timeLimitMs: options.timeLimitMs ?? 90_000,
    clock,
    log,
  })
  const abort = () => void pool.close(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const close = async () => {
    signal?.removeEventListener('abort', abort)
    await pool.close(new Error('the scorer is closed'))
  }

  try {
    const { provider, passedOver } = await pool.grow() // the first alone: what is wrong with a model is said once
    if (passedOver !== undefined) log.info({ device, reason: passedOver }, 'the model runs on cpu')
    const workers =
      options.workers > 0 ? options.workers : provider === 'cpu' ? Math.max(1, availableParallelism() - 1) : 2
    const more = Array.from({ length: workers - 1 })
    if (priority !== 'usual') for (const _ of more) await pool.grow()
    else await Promise.all(more.map(() => pool.grow()))
    signal?.throwIfAborted()
    if (priority === 'low at first') toForeground()
    const { variant, file } = chooseVariant(directory, setting, provider)
    log.info({ model: manifest.name, version: manifest.version, file, provider, workers }, 'model is ready')
    return {
      name: manifest.name,
      version: manifest.version,
      labels,
      provider,
      workers,
      toForeground,
      variant,
      score: (texts) => pool.score(texts),
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    signal?.throwIfAborted()
    if (error instanceof DriftlineError && error.code === 'MODEL_INVALID') {
      throw new DriftlineError('MODEL_INVALID', { ...error.details, model: directory.path }, { cause: error })
    }
    throw error
  }
}

/** Each file once, also where several providers take it. */
function sharedGraphs(
  directory: ModelDirectory,
  setting: 'auto' | Variant,
  providers: readonly Provider[],
): ReadonlyMap<Provider, SharedGraph> {
  const shared = new Map<string, SharedGraph>()
  return new Map(
    providers.map((provider) => {
      const { file, onnx } = chooseVariant(directory, setting, provider)
      const graph = shared.get(file) ?? { file, onnx: new SharedArrayBuffer(onnx.byteLength) }
      if (!shared.has(file)) new Uint8Array(graph.onnx).set(onnx)
      shared.set(file, graph)
      return [provider, graph]
    }),
  )
}
