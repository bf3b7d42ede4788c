import { once } from 'node:events'
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
 * of what this thread does meanwhile. It starts with the first model and stays; its priority is low.
 */
export class Opener implements AsyncDisposable {
  readonly #place: RegistryPlace
  readonly #waiting = new Map<number, Waiting>()
  #thread: Worker | undefined
  #orders = 0

  /** @param place where the registry is */
  constructor(place: RegistryPlace) {
    this.#place = place
  }

  /**
   * As `Registry.open`, with the contents of the files in shared memory.
   *
   * @throws DriftlineError as `Registry.open`
   */
  open(name: string, version: number): Promise<ModelFiles> {
    return this.#open({ name, version })
  }

  /**
   * As `loadDirectory`, with the contents of the files in shared memory.
   *
   * @throws DriftlineError as `loadDirectory`
   */
  openDirectory(path: string): Promise<ModelFiles> {
    return this.#open({ path })
  }

  /** What is not opened yet is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    const thread = this.#thread
    if (thread === undefined) return
    const gone = once(thread, 'exit')
    await thread.terminate()
    await gone
  }

  #open(place: Place): Promise<ModelFiles> {
    const order: OpenOrder = { id: this.#orders++, place }
    return new Promise((resolve, reject) => {
      this.#waiting.set(order.id, { resolve, reject })
      this.#thread ??= this.#start()
      this.#thread.postMessage(order)
    })
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
    thread.on('exit', () => {
      this.#thread = undefined
      for (const { reject } of this.#waiting.values())
        reject(failure ?? new Error('the thread that opens models has ended'))
      this.#waiting.clear()
    })
    return thread
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
