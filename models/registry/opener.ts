import { Worker } from 'node:worker_threads'
import { DriftlineError, type ErrorCode } from '../../core/errors.ts'
import { builtModule } from '../../core/package-root.ts'
import type { ModelFiles } from '../model-directory.ts'
import type { RegistryPlace } from './open-registry.ts'

/** What to open: a version, or a directory. */
export type Place = { readonly name: string; readonly version: number } | { readonly path: string }

export interface OpenOrder {
  readonly id: number
  readonly place: Place
}

/** The thread's answer. Errors lose their class between threads, so code and details travel. */
export type Opened = { readonly id: number } & (
  | { readonly kind: 'opened'; readonly files: Omit<ModelFiles, 'onnx'> }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly details: Readonly<Record<string, unknown>> }
  | { readonly kind: 'failed'; readonly error: unknown }
)

interface Waiting {
  readonly resolve: (files: ModelFiles) => void
  readonly reject: (error: unknown) => void
}

/**
 * Opens models in a thread of its own, so that reading, hashing and parsing a model of any size holds up nothing
 * of what this thread does meanwhile. It starts with the first model and stays, unless all who wait for it give up; its
 * priority is low.
 */
export class Opener implements AsyncDisposable {
  readonly #place: RegistryPlace
  readonly #waiting = new Map<number, Waiting>()
  readonly #ending = new Set<Promise<unknown>>()
  #thread: Worker | undefined
  #orders = 0

  /** @param place where the registry is */
  constructor(place: RegistryPlace) {
    this.#place = place
  }

  /**
   * As `Registry.open`, with the contents of the files in shared memory.
   *
   * @param signal gives the model up: a store that does not answer is waited for no longer
   * @throws DriftlineError as `Registry.open`; the reason of `signal`
   */
  open(name: string, version: number, signal?: AbortSignal): Promise<ModelFiles> {
    return this.#open({ name, version }, signal)
  }

  /**
   * As `loadDirectory`, with the contents of the files in shared memory.
   *
   * @param signal gives the model up
   * @throws DriftlineError as `loadDirectory`; the reason of `signal`
   */
  openDirectory(path: string, signal?: AbortSignal): Promise<ModelFiles> {
    return this.#open({ path }, signal)
  }

  /** What is not opened yet is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new Error('the thread that opens models has ended'))
    await Promise.all(this.#ending)
  }

  async #open(place: Place, signal: AbortSignal | undefined): Promise<ModelFiles> {
    signal?.throwIfAborted()
    const order: OpenOrder = { id: this.#orders++, place }
    const giveUp = () => {
      this.#waiting.get(order.id)?.reject(signal?.reason)
      this.#waiting.delete(order.id)
      if (this.#waiting.size === 0) this.#end(signal?.reason)
    }
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(order.id, { resolve, reject })
        this.#thread ??= this.#start()
        this.#thread.postMessage(order)
        signal?.addEventListener('abort', giveUp)
      })
    } finally {
      signal?.removeEventListener('abort', giveUp)
    }
  }

  #start(): Worker {
    const thread = new Worker(builtModule(import.meta.url, './opening-thread'), {
      workerData: this.#place,
      name: 'driftline-opener',
      resourceLimits: { maxYoungGenerationSizeMb: 8 },
    })
    thread.unref() // whoever waits for a model has something else that keeps the process alive
    let failure: unknown
    thread.on('message', (message: Opened) => this.#settle(message))
    thread.on('error', (error) => {
      failure = error
    })
    thread.on('exit', (code) => {
      if (this.#thread === thread) this.#end(failure ?? new Error(`the thread that opens models ended with ${code}`))
    })
    return thread
  }

  /** Ends the thread, if there is one, and gives up what waits for it. The next model gets another. */
  #end(reason: unknown): void {
    const thread = this.#thread
    if (thread === undefined) return
    this.#thread = undefined
    const gone = thread.terminate().finally(() => this.#ending.delete(gone))
    this.#ending.add(gone)
    for (const { reject } of this.#waiting.values()) reject(reason)
    this.#waiting.clear()
  }

  #settle(message: Opened): void {
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'refused') waiting?.reject(new DriftlineError(message.code, message.details))
    else if (message.kind === 'failed') waiting?.reject(message.error)
    else {
      const { files } = message
      waiting?.resolve({ ...files, onnx: files.files.get('model.onnx') ?? new Uint8Array(0) })
    }
  }
}
