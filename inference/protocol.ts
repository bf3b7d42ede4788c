import type { ErrorCode } from '../core/errors.ts'
import type { NormaliserName } from '../text/normalisers.ts'
import type { Device, Provider } from './provider.ts'
import type { Columns } from './score-chunk.ts'

export interface SharedGraph {
  /** Its name in the model directory. */
  readonly file: string
  /** Contents in shared memory, verified by the thread that made the copy. */
  readonly onnx: SharedArrayBuffer
}

/** A model, as a scoring thread is given it. */
export interface WorkerInput {
  /** The graph for each provider that `device` may turn out to be. */
  readonly graphs: ReadonlyMap<Provider, SharedGraph>
  /** Contents of tokenizer.json. Each thread parses them: a clone of what was parsed would be made by the one that does all else. */
  readonly tokenizer: SharedArrayBuffer
  /** Says of `tokenizer` and `tokenizerConfig` which they are: the same key, the same tokenizer. */
  readonly tokenizerKey: string
  readonly tokenizerConfig: unknown
  readonly normaliser: NormaliserName
  readonly maxTokens: number
  readonly classes: number
  readonly batchTokens: number
  readonly device: Device
}

/** Set to 1, it makes a thread drop what it has not scored, after the run it is in. */
export type StopFlag = Int32Array<SharedArrayBuffer>

/** What a scoring thread is started with. */
export interface ThreadData {
  readonly flag: StopFlag
  /** Whether it begins with a low priority. */
  readonly low: boolean
}

export type ToWorker =
  /** Comes to a thread without a model. */
  | {
      readonly kind: 'load'
      readonly input: WorkerInput
      readonly low: boolean
      /** Rounds of `warmUp`. */
      readonly rounds: number
    }
  | { readonly kind: 'score'; readonly texts: readonly string[] }
  | { readonly kind: 'priority'; readonly low: boolean }
  /** Lets go of the model; the thread stays for another. */
  | { readonly kind: 'unload' }
  /** Lets go of the model and ends. */
  | { readonly kind: 'close' }

export type FromWorker =
  | { readonly kind: 'ready'; readonly provider: Provider; readonly passedOver: string | undefined }
  /** It could not load, and ends; errors lose their class between threads, so code and details travel. */
  | {
      readonly kind: 'failed'
      readonly code: ErrorCode | undefined
      readonly details: Readonly<Record<string, unknown>>
    }
  /** The oldest chunk that was sent is scored. */
  | { readonly kind: 'scored'; readonly columns: Columns }
  | { readonly kind: 'unloaded' }
