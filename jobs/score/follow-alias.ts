import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { JobStatus } from '../../core/status.ts'
import { type Followed, followed, lastMove, type StartScorer, why } from './start-model.ts'
import type { ModelSwitch } from './swap.ts'

/** Also a change that no watcher told of is seen within this. */
const everyMs = 1000

export interface FollowOptions {
  readonly follow: Followed
  readonly models: ModelSwitch
  readonly start: StartScorer
  readonly clock: Clock
  readonly log: Log
}

export interface Following {
  /** The last swap that was tried, for the status. */
  readonly last: JobStatus['swap']
  stop(): Promise<void>
}

/**
 * Follows the alias of a model: loads, verifies and warms the version it points to while the old one scores, and then
 * swaps. A version that fails is written down and left alone until the alias moves again; the old one goes on.
 */
export function followAlias({ follow, models, start, clock, log }: FollowOptions): Following {
  const { registry, name } = follow
  const stopping = new AbortController()
  const { signal } = stopping
  let last: JobStatus['swap']
  let seen = follow.change
  let ring = (): void => undefined
  let heard = false
  registry.watch(
    name,
    () => {
      heard = true
      ring()
    },
    signal,
  )

  async function look(): Promise<void> {
    const { change, at } = await registry.aliases(name)
    if (change === seen) return
    seen = change
    const to = at[followed]
    if (to !== undefined && to !== models.scorer.version) await changeTo(to)
  }

  async function changeTo(to: number): Promise<void> {
    const from = models.scorer.version
    const reason = why(await lastMove(registry, name))
    log.info({ model: name, from, to, by: reason.by, reason: reason.reason }, 'loading another version')
    const startedMs = clock.now()
    try {
      const scorer = await start(await registry.open(name, to), { provider: models.scorer.provider, signal })
      const loadMs = clock.now() - startedMs
      models.swap({ scorer, ...reason, loadMs })
      last = { to, at: clock.now(), outcome: 'swapped', reason: reason.reason }
      log.info({ model: name, from, to, loadMs }, 'another version scores')
    } catch (error) {
      if (signal.aborted) return
      await refuse(to, error, clock.now() - startedMs)
    }
  }

  async function refuse(to: number, error: unknown, loadMs: number): Promise<void> {
    const outcome = error instanceof DriftlineError ? error.code : 'FAILED'
    last = { to, at: clock.now(), outcome, reason: messageOf(error) }
    log.error({ err: error, model: name, version: to, stays: models.scorer.version }, 'a version cannot be used')
    const { alias, by } = why(await lastMove(registry, name))
    await models.refuse(to, outcome, { alias, by, reason: messageOf(error), loadMs })
  }

  const loop = (async () => {
    const attempt = (act: () => Promise<void>) =>
      act().catch((error: unknown) => log.warn({ err: error, model: name }, 'the registry could not be followed'))
    const { refused } = follow
    if (refused !== undefined) await attempt(() => refuse(refused.version, refused.error, 0))
    while (!signal.aborted) {
      heard = false
      await attempt(look)
      const nap = new AbortController()
      ring = () => nap.abort()
      if (heard) continue
      await clock.sleep(everyMs, AbortSignal.any([signal, nap.signal])).catch(() => undefined) // woken
    }
  })()

  return {
    get last() {
      return last
    },
    async stop() {
      stopping.abort()
      await loop
    },
  }
}
