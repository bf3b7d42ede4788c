import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Priority } from '../../inference/create-scorer.ts'
import type { Scorer } from '../../inference/scorer.ts'
import { adoptBundled, bundledName, loadDirectory, parseModelSetting } from '../../models/load-model.ts'
import type { ModelFiles } from '../../models/model-directory.ts'
import { openRegistryAt, type RegistryPlace } from '../../models/registry/open-registry.ts'
import type { Change, Registry } from '../../models/registry/registry.ts'
import type { ReadyModel } from './ready.ts'

/** The alias that the job follows. */
export const followed = 'champion'

/** Loads and warms a version in threads of its own, beside the one that scores where there is one. */
export type StartScorer = (directory: ModelFiles, beside?: Beside) => Promise<Scorer>

/** Reads and verifies a version; see `Registry.open`. */
export type OpenVersion = (name: string, version: number, signal: AbortSignal) => Promise<ModelFiles>

export interface Beside {
  /** What the running version proved to work: it need not be found out again. */
  readonly provider: Scorer['provider']
  /** Threads to begin with; as many as the settings say, if it is not given. */
  readonly workers?: number
  /** Of its threads, which get it in the way of those that score. */
  readonly priority: Exclude<Priority, 'usual'>
  /** Ends the threads, ready or not. */
  readonly signal: AbortSignal
}

export interface StartedModel {
  readonly ready: ReadyModel
  /** The registry to follow; `undefined` for a model that stays. */
  readonly follow: Followed | undefined
}

interface RefusedChampion {
  readonly version: number
  readonly error: DriftlineError
  /** Of the move that made it champion; see `Reason`. */
  readonly alias: string
  readonly by: string
}

export interface Followed {
  readonly registry: Registry
  readonly name: string
  /** Last change that the running model takes account of. */
  readonly change: number
  /** The champion that could not start, so that another version runs. */
  readonly refused: RefusedChampion | undefined
  /** Ends what the registry is asked, however slow it is to answer; it is asked nothing any more. */
  readonly leave: () => void
}

export interface StartOptions {
  readonly start: StartScorer
  readonly clock: Clock
  readonly log: Log
  /** Gives up a registry that does not answer. */
  readonly signal: AbortSignal
}

/**
 * Starts the model that the setting names. A champion that does not start is passed over for `previous`: a bad version
 * then costs no scores, however often the job is started again. One that the registry did not give is loaded once it does.
 *
 * @throws DriftlineError `MODEL_INVALID`, `VERSION_UNKNOWN`, `PROVIDER_UNAVAILABLE`; the reason of the signal
 */
export async function startModel(setting: string, place: RegistryPlace, options: StartOptions): Promise<StartedModel> {
  const { signal } = options
  signal.throwIfAborted()
  // Once it has started, the job itself says when: it drains first, and follows its model until then.
  const leaving = new AbortController()
  const leave = () => leaving.abort(signal.reason)
  signal.addEventListener('abort', leave)
  try {
    return await started(setting, place, options, leaving)
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

async function started(
  setting: string,
  place: RegistryPlace,
  { start, clock, log }: StartOptions,
  leaving: AbortController,
): Promise<StartedModel> {
  const model = parseModelSetting(setting)
  const startedMs = clock.now()
  if (model.kind === 'directory') {
    const scorer = await start(await loadDirectory(model.path))
    return { ready: { scorer, ...why(undefined), loadMs: clock.now() - startedMs }, follow: undefined }
  }
  const registry = await openRegistryAt(place, { clock, signal: leaving.signal })
  if (model.name === bundledName) await adoptBundled(registry)
  if (model.kind === 'version') {
    const scorer = await start(await registry.open(model.name, model.version))
    return { ready: { scorer, ...why(undefined), loadMs: clock.now() - startedMs }, follow: undefined }
  }
  const { name } = model
  const { change, at } = await registry.aliases(name)
  const { champion, previous } = at
  if (champion === undefined) throw new DriftlineError('VERSION_UNKNOWN', { model: name, reason: 'it has no champion' })
  const move = await lastMove(registry, name)
  const leave = () => leaving.abort()
  const startVersion = async (version: number): Promise<ReadyModel> => {
    const scorer = await start(await registry.open(name, version))
    return { scorer, ...why(move), loadMs: clock.now() - startedMs }
  }
  try {
    return { ready: await startVersion(champion), follow: { registry, name, change, refused: undefined, leave } }
  } catch (error) {
    if (!(error instanceof DriftlineError) || previous === undefined) throw error
    log.error({ err: error, champion, previous, hint: error.hint }, 'champion cannot be used; previous takes its place')
    const ready = await startVersion(previous)
    // A registry that is away for a moment says nothing against the champion: the job looks at it again.
    if (error.retryable) return { ready, follow: { registry, name, change: 0, refused: undefined, leave } }
    const { alias, by } = why(move)
    return { ready, follow: { registry, name, change, refused: { version: champion, error, alias, by }, leave } }
  }
}

/** The change that made the champion what it is. */
export const lastMove = (registry: Registry, name: string): Promise<Change | undefined> =>
  registry.lastMove(name, followed)

export const why = (move: Change | undefined) => ({
  alias: move?.alias ?? '',
  by: move?.by ?? '',
  reason: move?.reason ?? '',
})
