import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { canRaisePriority } from '../../core/thread-priority.ts'
import { isBundledHere } from '../../models/load-model.ts'
import { bundledModelPath, type ModelFiles } from '../../models/model-directory.ts'
import type { Beside } from './start-model.ts'

export interface RehearsalOptions {
  readonly openDirectory: (path: string, signal: AbortSignal) => Promise<ModelFiles>
  readonly load: (directory: ModelFiles, how: Pick<Beside, 'priority' | 'signal'>) => Promise<AsyncDisposable>
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Loads the bundled model, which is small, and lets it go again: so the first swap finds what later ones find, threads that rest and
 * have compiled code. Into new ones it takes ten times as long, and 0.8 s of processor time from posts.
 * What goes wrong here harms nobody: the first swap is slower then.
 */
export async function rehearseSwap(options: RehearsalOptions): Promise<void> {
  const { openDirectory, load, log, signal } = options
  if (!isBundledHere()) return
  try {
    const priority = canRaisePriority() ? 'low' : 'low at first' // threads that stay low would be of no use to a swap
    const scorer = await load(await openDirectory(bundledModelPath, signal), { priority, signal })
    await scorer[Symbol.asyncDispose]()
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, `the first swap will be slower: ${messageOf(error)}`)
  }
}
