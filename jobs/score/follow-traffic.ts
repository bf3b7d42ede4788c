import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { JobStatus } from '../../core/status.ts'
import type { Scorer } from '../../inference/scorer.ts'
import type { Registry } from '../../models/registry/registry.ts'
import { type Challenger, endChallenger, Guard, readTraffic } from '../../models/registry/traffic.ts'
import { follow as followRegistry } from './follow.ts'
import type { FollowOptions } from './follow-alias.ts'
import type { Cause } from './route.ts'
import type { OpenVersion, StartScorer } from './start-model.ts'
import type { ModelSwitch } from './swap.ts'
import { Watch } from './watch.ts'

/** Who ends a challenger by itself, as the audit names it. */
const guardName = 'guard'
const jobName = 'driftline score'

type ChallengerStatus = NonNullable<JobStatus['challengers']>[number]

export interface FollowingTraffic {
  readonly challengers: readonly ChallengerStatus[]
  stop(): Promise<void>
}

/**
 * Follows the traffic document of a model: loads, changes and ends challengers while the champion scores. One that cannot be
 * loaded, or that breaks a bound, is ended here at once and then in the document.
 */
export function followTraffic(options: FollowOptions): FollowingTraffic {
  const { follow, clock, log } = options
  const traffic = new TrafficFollower(options)
  const loop = followRegistry(follow.registry, follow.name, (signal) => traffic.look(signal), { clock, log })
  traffic.ring = loop.ring
  return {
    get challengers() {
      return traffic.status()
    },
    async stop() {
      await loop.stop()
      await traffic.settled()
    },
  }
}

/** A challenger of the document, from the moment it was seen there. */
interface Known {
  challenger: Challenger
  watch: Watch
  /** Known once it is loaded. */
  scorer: Scorer | undefined
  readonly stop: AbortController
}

class TrafficFollower {
  readonly #registry: Registry
  readonly #name: string
  readonly #models: ModelSwitch
  readonly #open: OpenVersion
  readonly #start: StartScorer
  readonly #clock: Clock
  readonly #log: Log
  readonly #known = new Map<number, Known>()
  /** Ended here, and not yet in the document. */
  readonly #toEnd = new Map<number, { readonly since: string; readonly cause: Cause }>()
  /** One version is loaded after the other. */
  #loading: Promise<void> = Promise.resolve()
  #revision = -1
  #champion = 0
  ring = (): void => undefined

  constructor({ follow, models, open, start, clock, log }: FollowOptions) {
    this.#registry = follow.registry
    this.#name = follow.name
    this.#models = models
    this.#open = open
    this.#start = start
    this.#clock = clock
    this.#log = log
  }

  async look(signal: AbortSignal): Promise<void> {
    for (const [version, { since, cause }] of this.#toEnd) {
      await endChallenger(this.#registry, this.#name, version, { ...cause, since }, this.#clock)
      this.#toEnd.delete(version)
    }
    const { revision, challengers, ended } = await readTraffic(this.#registry, this.#name)
    const champion = this.#models.scorer.version
    if (revision === this.#revision && champion === this.#champion) return
    this.#revision = revision
    this.#champion = champion
    for (const { version, since } of challengers) {
      if (version === champion) this.#endLater(version, since, { by: jobName, reason: 'it is the champion' })
    }
    const wanted = challengers.filter(({ version }) => !this.#toEnd.has(version))
    for (const [version, known] of this.#known) {
      const still = wanted.find((challenger) => challenger.version === version)
      if (still?.since === known.challenger.since) continue
      const { by = jobName, reason = '' } = ended.find((ending) => ending.version === version) ?? {}
      this.#forget(version, { by, reason })
    }
    for (const challenger of wanted) this.#set(challenger, signal)
  }

  status(): readonly ChallengerStatus[] {
    return [...this.#known.values()].map(({ challenger: { version, mode, share }, watch, scorer }) => {
      const state = scorer === undefined ? ('loading' as const) : ('running' as const)
      return { version, mode, share, state, ...watch.counts }
    })
  }

  /** Nothing is loaded any more. */
  async settled(): Promise<void> {
    for (const { scorer, stop } of this.#known.values()) if (scorer === undefined) stop.abort()
    await this.#loading
  }

  #set(challenger: Challenger, signal: AbortSignal): void {
    const { version } = challenger
    const known = this.#known.get(version)
    if (known === undefined) {
      const stop = new AbortController()
      const starting: Known = { challenger, watch: this.#watch(challenger, []), scorer: undefined, stop }
      this.#known.set(version, starting)
      this.#loading = this.#loading.then(() => this.#load(starting, AbortSignal.any([signal, stop.signal])))
      return
    }
    if (isDeepStrictEqual(known.challenger, challenger)) return
    const rules = ({ mode, guard }: Challenger) => ({ mode, guard })
    const judgedAnew = !isDeepStrictEqual(rules(known.challenger), rules(challenger))
    known.challenger = challenger
    if (known.scorer === undefined) return // once loaded, it starts as it is then wanted
    if (judgedAnew) known.watch = this.#watch(challenger, known.scorer.labels)
    const { scorer } = known
    if (scorer.workers >= this.#threadsFor(challenger)) this.#change(known, scorer)
    else this.#loading = this.#loading.then(() => this.#grow(known, scorer))
  }

  /** Of the champion's threads, the share that it has of the posts. */
  #threadsFor({ share }: Challenger): number {
    return Math.max(1, Math.ceil(share * this.#models.scorer.workers))
  }

  /** Its larger share begins once it has the threads for it. */
  async #grow(known: Known, scorer: Scorer): Promise<void> {
    await this.#addThreads(known, scorer)
    if (this.#isKnown(known)) this.#change(known, scorer)
  }

  async #addThreads(known: Known, scorer: Scorer): Promise<void> {
    try {
      for (let wanted = 0; wanted < this.#threadsFor(known.challenger); ) {
        wanted = this.#threadsFor(known.challenger) // it may be raised once more until they are there
        await scorer.grow(wanted)
      }
    } catch (error) {
      if (!this.#isKnown(known)) return
      const { version } = known.challenger
      this.#log.warn({ err: error, version }, 'a challenger gets no more threads, and goes on with those it has')
    }
  }

  /** False for one that has ended, also when another of the same version has been started since. */
  #isKnown = (known: Known): boolean => this.#known.get(known.challenger.version) === known

  #change(known: Known, scorer: Scorer): void {
    this.#route(known, scorer, 0)
    const { version, mode, share, by, reason } = known.challenger
    this.#log.info({ model: this.#name, version, mode, share, by, reason }, 'a challenger is changed')
  }

  async #load(known: Known, signal: AbortSignal): Promise<void> {
    const { version, since } = known.challenger
    const startedMs = this.#clock.now()
    try {
      signal.throwIfAborted()
      const { provider } = this.#models.scorer
      // A shadow yields to the champion for as long as it is one. A canary is waited for, so it may not.
      const priority = known.challenger.mode === 'shadow' ? 'low' : 'low at first'
      const directory = await this.#open(this.#name, version, signal)
      const workers = this.#threadsFor(known.challenger)
      const scorer = await this.#start(directory, { provider, workers, priority, signal })
      await this.#addThreads(known, scorer) // its share may have been raised meanwhile
      if (signal.aborted) return await scorer[Symbol.asyncDispose]()
      known.watch = this.#watch(known.challenger, scorer.labels)
      known.scorer = scorer
      const loadMs = this.#clock.now() - startedMs
      this.#route(known, scorer, loadMs)
      const { mode, share, by, reason } = known.challenger
      this.#log.info({ model: this.#name, version, mode, share, by, reason, loadMs }, 'a challenger scores')
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof DriftlineError && error.retryable) {
        // A registry that is away for a moment says nothing against the version: the next look loads it.
        this.#log.warn({ err: error, model: this.#name, version }, 'a challenger is not loaded yet')
        if (this.#isKnown(known)) this.#known.delete(version)
        this.#revision = -1
        return
      }
      const outcome = error instanceof DriftlineError ? error.code : 'FAILED'
      this.#log.error({ err: error, model: this.#name, version }, 'a challenger cannot be used')
      this.#endLater(version, since, { by: jobName, reason: messageOf(error) })
      const { by } = known.challenger
      const loadMs = this.#clock.now() - startedMs
      await this.#models
        .refuse(version, outcome, { alias: '', by, reason: messageOf(error), loadMs })
        .catch((failure: unknown) => this.#log.warn({ err: failure, version }, 'a refusal could not be recorded'))
    }
  }

  #route({ challenger: { mode, slots, by, reason }, watch }: Known, scorer: Scorer, loadMs: number): void {
    if (scorer.version === this.#models.scorer.version) return // promoted meanwhile
    if (mode === 'canary') scorer.toForeground()
    this.#models.setContender({ scorer, mode, slots, by, reason, loadMs, watch })
  }

  #watch({ version, since, guard }: Challenger, labels: readonly string[]): Watch {
    const both = [...new Set([...this.#models.scorer.labels, ...labels])]
    return new Watch(guard ?? Guard.parse({}), both, ({ bound, reason }) => {
      if (this.#known.get(version)?.challenger.since !== since) return
      this.#log.error({ model: this.#name, version, bound, reason }, 'the guard ends a challenger')
      this.#endLater(version, since, { by: guardName, reason: `${bound}: ${reason}` })
    })
  }

  /** Ends it here now, and in the document with the next look. */
  #endLater(version: number, since: string, cause: Cause): void {
    this.#forget(version, cause)
    this.#toEnd.set(version, { since, cause })
    this.ring()
  }

  #forget(version: number, cause: Cause): void {
    const known = this.#known.get(version)
    this.#known.delete(version)
    // A scorer lives as long as the signal that it was started with, and this one may be the champion by now.
    if (known?.scorer === undefined) known?.stop.abort()
    if (this.#models.endContender(version, cause)) {
      this.#log.info({ model: this.#name, version, ...cause }, 'a challenger has ended')
    }
  }
}
