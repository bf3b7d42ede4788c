import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { DriftlineError, type ErrorCode } from '../../core/errors.ts'
import { builtModule } from '../../core/package-root.ts'
import { mostFileBytes } from '../read-bounded.ts'
import { cachedModelPath, type HubModel, type HubProgress } from './hub.ts'

export type FromHubProcess =
  | { readonly kind: 'progress'; readonly progress: HubProgress }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly details: Readonly<Record<string, unknown>> }

export interface HubDownload {
  readonly model: HubModel
  /** The library's cache; a download that broke off goes on from the files that are complete. */
  readonly cache: string
  readonly onProgress: (progress: HubProgress) => void
  readonly signal: AbortSignal
  /** Package, or file URL of a module, that offers what `HubLibrary` says. Default: `@huggingface/transformers`. */
  readonly library?: string
}

const sizeOf = ({ loaded, total }: HubProgress): number => Math.max(loaded, total)

/** The Hub's settings and the network's, and none of our own secrets: what is downloaded is loaded there. */
function env(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:DRIFTLINE|AWS)_/.test(name)))
}

/**
 * Downloads a model from the Hugging Face Hub, in a process of its own.
 *
 * @returns the directory of the export
 * @throws DriftlineError `HUB_UNAVAILABLE`, `MODEL_INVALID`, `MODEL_TOO_COSTLY` for a file past 2 GiB; the signal's reason when it is aborted
 */
export async function downloadFromHub(download: HubDownload): Promise<string> {
  const { model, onProgress, signal } = download
  const cache = resolve(download.cache)
  signal.throwIfAborted()
  await mkdir(cache, { recursive: true })
  const library = download.library ?? '@huggingface/transformers'
  const args = [library, model.id, model.revision, cache]
  // What the library prints is no data of ours.
  const child = fork(builtModule(import.meta.url, './hub-process'), args, {
    stdio: ['ignore', 2, 2, 'ipc'],
    env: env(),
  })
  // The library loads what it has downloaded: a graph that hangs hears of no other signal.
  const stop = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  try {
    let outcome: Exclude<FromHubProcess, { kind: 'progress' }> | undefined
    child.on('message', (message: FromHubProcess) => {
      if (message.kind !== 'progress') outcome ??= message
      else if (sizeOf(message.progress) <= mostFileBytes) onProgress(message.progress)
      else {
        const { file } = message.progress
        const reason = `${file} has ${sizeOf(message.progress)} bytes, more than ${mostFileBytes}`
        const details = { reason, model: `${model.id}@${model.revision}` }
        outcome = { kind: 'failed', code: 'MODEL_TOO_COSTLY', details }
        stop()
      }
    })
    // Its last message may come after its exit, but not after the end of the channel.
    const [[code, killedBy]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
    signal.throwIfAborted()
    if (outcome?.kind === 'done') return cachedModelPath(cache, model)
    if (outcome?.kind === 'failed') throw new DriftlineError(outcome.code, outcome.details)
    const reason = `the download ended with ${killedBy ?? `code ${code}`}`
    throw new DriftlineError('HUB_UNAVAILABLE', { reason, model: `${model.id}@${model.revision}` })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
