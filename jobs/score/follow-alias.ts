import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { JobStatus } from '../../core/status.ts'
import { follow as followRegistry } from './follow.ts'
import type { Reason } from './ready.ts'
import { type Followed, followed, lastMove, type OpenVersion, type StartScorer, why } from './start-model.ts'
import type { ModelSwitch } from './swap.ts'

export interface FollowOptions {
  readonly follow: Followed
  readonly models: ModelSwitch
  readonly open: OpenVersion
  readonly start: StartScorer
  readonly clock: Clock
  readonly log: Log
}

export interface Following {
  /** The last swap that was tried, for the status. */
  readonly last: JobStatus['swap']
  stop(): Promise<void>
}

/** A version that could not be used. */
interface Refusal extends Reason {
  readonly version: number
  readonly outcome: string
}

/**
 * Follows the alias of a model: loads, verifies and warms the version it points to while the old one scores, and then
 * swaps. A version that fails is written down and left alone until the alias moves again; the old one goes on.
 */
export function followAlias({ follow, models, open, start, clock, log }: FollowOptions): Following {
  const { registry, name } = follow
  let last: JobStatus['swap']
  let seen = follow.change
  /** Of which `swaps` does not tell yet. */
  const untold: Refusal[] = []
  if (follow.refused !== undefined) {
    const { version, error, ...move } = follow.refused
    refuse(version, error, { ...move, loadMs: 0 })
  }

  async function look(signal: AbortSignal): Promise<void> {
    const { change, at } = await registry.aliases(name)
    if (change !== seen) {
      seen = change
      const to = at[followed]
      if (to !== undefined && to !== models.scorer.version) await changeTo(to, signal)
    }
    await tellRefusals()
  }

  async function changeTo(to: number, signal: AbortSignal): Promise<void> {
    const from = models.scorer.version
    const startedMs = clock.now()
    let move = why(undefined)
    try {
      move = why(await lastMove(registry, name))
      log.info({ model: name, from, to, by: move.by, reason: move.reason }, 'loading another version')
      await makeRoom(to)
      const scorer = challenger(to) ?? (await load(to, signal))
      const loadMs = clock.now() - startedMs
      models.swap({ scorer, ...move, loadMs })
      last = { to, at: clock.now(), outcome: 'swapped', reason: move.reason }
      log.info({ model: name, from, to, loadMs }, 'another version scores')
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof DriftlineError && error.retryable) {
        seen = Number.NaN // a registry that is away for a moment says nothing against the version: look again
        throw error
      }
      refuse(to, error, { ...move, loadMs: clock.now() - startedMs })
    }
  }

  /** One that has been scoring already, so that there is nothing to load. */
  function challenger(version: number) {
    const scorer = models.contenders.find(({ live }) => live.scorer.version === version)?.live.scorer
    return scorer?.toForeground() === true ? scorer : undefined
  }

  /** A challenger has the threads that its share needs; a champion needs all. */
  async function makeRoom(version: number): Promise<void> {
    const scorer = challenger(version)
    await scorer?.grow(models.scorer.workers).catch((error: unknown) => {
      if (challenger(version) === scorer) throw error // otherwise it has ended meanwhile, and is loaded anew
    })
  }

  async function load(version: number, signal: AbortSignal) {
    const directory = await open(name, version, signal)
    return start(directory, { provider: models.scorer.provider, priority: 'low at first', signal })
  }

  function refuse(version: number, error: unknown, { alias, by, loadMs }: Omit<Reason, 'reason'>): void {
    const outcome = error instanceof DriftlineError ? error.code : 'FAILED'
    const reason = messageOf(error)
    last = { to: version, at: clock.now(), outcome, reason }
    log.error({ err: error, model: name, version, stays: models.scorer.version }, 'a version cannot be used')
    untold.push({ version, outcome, alias, by, reason, loadMs })
  }

  /** A store that is away is told with a later look. */
  async function tellRefusals(): Promise<void> {
    for (let [next] = untold; next !== undefined; [next] = untold) {
      const { version, outcome, ...reason } = next
      try {
        await models.refuse(version, outcome, reason)
        untold.shift()
      } catch (error) {
        log.warn({ err: error, version }, 'a refusal could not be recorded yet')
        return
      }
    }
  }

  const loop = followRegistry(registry, name, look, { clock, log })
  return {
    get last() {
      return last
    },
    stop: () => loop.stop(),
  }
}
