import { availableParallelism } from 'node:os'
import { type Clock, systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { inSharedMemory } from '../core/shared-memory.ts'
import { canRaisePriority } from '../core/thread-priority.ts'
import type { ModelFiles } from '../models/model-directory.ts'
import type { Variant } from '../models/variants.ts'
import { chooseVariant } from './choose-variant.ts'
import { Crew } from './crew.ts'
import { Pool } from './pool.ts'
import type { SharedGraph, WorkerInput } from './protocol.ts'
import type { Device, Provider } from './provider.ts'
import type { Scorer } from './scorer.ts'

export interface ScorerOptions {
  readonly directory: ModelFiles
  readonly device: Device
  /** See `chooseVariant`; default `auto`. */
  readonly variant?: 'auto' | Variant
  /** Threads to begin with; see `workersOf`. */
  readonly workers: number
  /** Most tokens in one run, padding included. */
  readonly batchTokens: number
  /**
   * For a model that is loaded beside one that needs the cores: its threads are started one after another, yield to
   * others, and warm up longer. `low at first` ends with the loading, and is `usual` where a priority cannot be raised again.
   */
  readonly priority?: Priority
  /** Where its threads come from, and go to. Default: they are its own, and end with it. */
  readonly crew?: Crew
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
  const { device, variant: setting = 'auto', priority = 'usual', log, signal, clock = systemClock } = options
  // What is called later may use none of `options` or `directory`: they hold every file, and a scorer needs a graph and a tokenizer.
  const { directory, workers: mostWorkers, crew = new Crew() } = options
  const { manifest, labels } = directory
  signal?.throwIfAborted()
  const input: WorkerInput = {
    graphs: sharedGraphs(directory, setting, device === 'auto' ? ['cuda', 'cpu'] : [device]),
    tokenizer: inSharedMemory(directory.files.get('tokenizer.json') ?? new Uint8Array(0)),
    tokenizerKey: JSON.stringify([manifest.files['tokenizer.json']?.sha256, directory.tokenizerConfig]),
    tokenizerConfig: directory.tokenizerConfig,
    normaliser: manifest.text.normaliser,
    maxTokens: manifest.text.maxTokens,
    classes: labels.length,
    batchTokens: options.batchTokens,
    device,
  }
  let low = priority === 'low'
  /** Since when threads have been added that yield to others until they are ready. */
  let yieldingSinceMs = Number.NEGATIVE_INFINITY
  const pool = new Pool({
    start: crew.starter(input, {
      isLow: () => low || clock.now() - yieldingSinceMs < yieldMs,
      warm: priority !== 'usual',
    }),
    labels,
    timeLimitMs: options.timeLimitMs ?? 90_000,
    clock,
    log,
  })
  const toForeground = (): boolean => {
    if (low && !canRaisePriority()) return false
    low = false
    pool.setPriority(false)
    return true
  }
  /** Threads that are added meanwhile yield to others until it is over, where they may have their priority back then. */
  const yielding = async <T>(add: () => Promise<T>): Promise<T> => {
    if (canRaisePriority()) yieldingSinceMs = clock.now()
    try {
      return await add()
    } finally {
      yieldingSinceMs = Number.NEGATIVE_INFINITY
      if (!low) pool.setPriority(false)
    }
  }
  let workers = 1
  /** One thread after another. */
  const grow = async (most: number): Promise<void> => {
    for (; workers < most; workers++) await pool.grow()
  }
  let growing = Promise.resolve()
  const start = async (): Promise<Provider> => {
    const { provider, passedOver } = await pool.grow() // the first alone: what is wrong with a model is said once
    if (passedOver !== undefined) log.info({ device, reason: passedOver }, 'the model runs on cpu')
    const most = workersOf(mostWorkers, provider)
    if (priority !== 'usual') await grow(most)
    else await Promise.all(Array.from({ length: most - 1 }, () => pool.grow()))
    workers = most
    return provider
  }
  const abort = () => void pool.close(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const close = async () => {
    signal?.removeEventListener('abort', abort)
    await pool.close(new Error('the scorer is closed'))
  }

  try {
    const provider = await (priority === 'usual' ? start() : yielding(start))
    signal?.throwIfAborted()
    const { variant, file } = chooseVariant(directory, setting, provider)
    log.info({ model: manifest.name, version: manifest.version, file, provider, workers }, 'model is ready')
    return {
      name: manifest.name,
      version: manifest.version,
      labels,
      provider,
      get workers() {
        return workers
      },
      grow: (most) => {
        const grown = growing.then(() => yielding(() => grow(most)))
        growing = grown.catch(() => undefined) // told to who asked
        return grown
      },
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

/** @param setting 0 for the default: one less than the cores on cpu, and two on a GPU (one prepares while one runs) */
export function workersOf(setting: number, provider: Provider): number {
  if (setting > 0) return setting
  return provider === 'cpu' ? Math.max(1, availableParallelism() - 1) : 2
}

/** Each file once, also where several providers take it. */
function sharedGraphs(
  directory: ModelFiles,
  setting: 'auto' | Variant,
  providers: readonly Provider[],
): ReadonlyMap<Provider, SharedGraph> {
  const shared = new Map<string, SharedGraph>()
  return new Map(
    providers.map((provider) => {
      const { file, onnx } = chooseVariant(directory, setting, provider)
      const graph = shared.get(file) ?? { file, onnx: inSharedMemory(onnx) }
      shared.set(file, graph)
      return [provider, graph]
    }),
  )
}
