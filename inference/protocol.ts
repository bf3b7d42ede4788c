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

/** What a scoring thread is started with. */
export interface WorkerInput {
  /** The graph for each provider that `device` may turn out to be. */
  readonly graphs: ReadonlyMap<Provider, SharedGraph>
  /** Contents of tokenizer.json. */
  readonly tokenizer: unknown
  readonly tokenizerConfig: unknown
  readonly normaliser: NormaliserName
  readonly maxTokens: number
  readonly classes: number
  readonly batchTokens: number
  readonly device: Device
}

/** Set to 1, it ends a thread after the run it is in: what it has not scored by then is dropped. */
export type StopFlag = Int32Array<SharedArrayBuffer>

export type ToWorker =
  | { readonly kind: 'score'; readonly texts: readonly string[] }
  | { readonly kind: 'priority'; readonly low: boolean }
  | { readonly kind: 'close' }

export type FromWorker =
  | { readonly kind: 'ready'; readonly provider: Provider; readonly passedOver: string | undefined }
  /** It could not start; errors lose their class between threads, so code and details travel. */
  | {
      readonly kind: 'failed'
      readonly code: ErrorCode | undefined
      readonly details: Readonly<Record<string, unknown>>
    }
  /** The oldest chunk that was sent is scored. */
  | { readonly kind: 'scored'; readonly columns: Columns }
