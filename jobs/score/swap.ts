import type { SwapRow } from '../../clickhouse/rows.ts'
import type { LogRecord, TopicInfo } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Scorer } from '../../inference/scorer.ts'
import type { SlotRange } from '../../models/registry/slots.ts'
import {
  type Cause,
  type Champion,
  type Contender,
  type Endings,
  type Live,
  type Route,
  type Told,
  tellChampion,
  tellChanges,
  tellRoute,
} from './route.ts'
import type { Watch } from './watch.ts'

/** Why a model came to score. */
export interface Reason extends Cause {
  /** The alias that the job follows, or `''` for a model that stays. */
  readonly alias: string
  /** From the first look at the files to warm threads, in milliseconds. */
  readonly loadMs: number
}

/** A model that is ready, and why it is there. `by` is `''` when nobody moved the alias. */
export interface ReadyModel extends Reason {
  readonly scorer: Scorer
}

/** A challenger that is ready, and which posts are its own. */
export interface ReadyContender extends Cause {
  readonly scorer: Scorer
  readonly mode: Contender['mode']
  readonly slots: readonly SlotRange[]
  readonly loadMs: number
  readonly watch: Watch
}

/** The models of one batch. */
export interface Lease {
  readonly scorer: Scorer
  /** Challengers that take posts from it, or score posts beside it. */
  readonly contenders: readonly Contender[]
  /** Settles once `swaps` says who scores from which offset on; rows must not be written before. */
  readonly recorded: Promise<void>
  /** The batch is scored, or failed. */
  end(): void
}

export interface ModelSwitchOptions {
  readonly first: ReadyModel
  /** Makes rows durable, all of them or none. */
  readonly record: (rows: readonly SwapRow[]) => Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** A clock in microseconds, from anywhere. */
  readonly nowUs?: () => number
}

/** What is known of a partition: who scores it from where on, and since when nobody has been scoring it. */
interface Lane {
  route: Route | undefined
  offset: number
  recorded: Promise<void>
  batches: number
  idleSinceUs: number
}

/**
 * Holds the models that score now: the champion, and challengers beside it. A batch leases them for as long as it takes;
 * a change of any kind changes what the next batches get, and lets a model go once its last batch is back.
 *
 * Each partition's change is recorded before any row that follows from it is written: so the last record at or below an
 * offset always says who scores which post there, whenever the process is killed. A partition that begins again further
 * back (after a failed write, or a start) is recorded again from there.
 */
export class ModelSwitch implements AsyncDisposable {
  readonly #options: ModelSwitchOptions
  readonly #lanes = new Map<string, Lane>()
  /** Models that are not released: those of the route, and older ones that still have batches. */
  readonly #held = new Set<Live>()
  readonly #leaving = new Set<Promise<void>>()
  readonly #endings: Endings = new WeakMap()
  #route: Route
  #changes = 0
  #lastRowMs = 0

  constructor(options: ModelSwitchOptions) {
    this.#options = options
    const { scorer, ...reason } = options.first
    this.#route = { champion: { ...reason, live: this.#hold(scorer), from: 0, id: this.#nextId() }, contenders: [] }
  }

  /** The champion, as the next batch will have it. */
  get scorer(): Scorer {
    return this.#route.champion.live.scorer
  }

  get contenders(): readonly Contender[] {
    return this.#route.contenders
  }

  begin(topic: TopicInfo, { partition, offset }: Pick<LogRecord, 'partition' | 'offset'>): Lease {
    const route = this.#route
    const key = `${topic.name} ${partition}`
    const lane = this.#lanes.get(key) ?? {
      route: undefined,
      offset: 0,
      recorded: Promise.resolve(),
      batches: 0,
      idleSinceUs: this.#nowUs(),
    }
    this.#lanes.set(key, lane)
    if (lane.route !== route || offset < lane.offset) {
      const changes = tellChanges(lane.route, route, this.#endings)
      // Begun again further back: who scores is told again from there, by the change that brought the champion.
      const told = offset < lane.offset && changes.length === 0 ? [tellChampion(route.champion)] : changes
      const isSwap = lane.route !== undefined && lane.route.champion.id !== route.champion.id
      const pauseUs = isSwap && lane.batches === 0 ? Math.round(this.#nowUs() - lane.idleSinceUs) : 0
      lane.route = route
      lane.offset = offset
      if (told.length > 0) this.#record(lane, route, topic, partition, told, pauseUs)
    }
    lane.batches++
    const lives = [route.champion.live, ...route.contenders.map(({ live }) => live)]
    for (const live of lives) live.batches++
    return {
      scorer: route.champion.live.scorer,
      contenders: route.contenders,
      recorded: lane.recorded,
      end: () => {
        lane.batches--
        lane.idleSinceUs = this.#nowUs()
        for (const live of lives) {
          live.batches--
          this.#leaveIfDone(live)
        }
      },
    }
  }

  /** From now on, batches get this model. One that is a challenger already goes on with the threads it has. */
  swap({ scorer, ...reason }: ReadyModel): void {
    const { contenders } = this.#route
    const contender = contenders.find(({ live }) => live.scorer === scorer)
    const live = contender?.live ?? this.#hold(scorer)
    const champion: Champion = { ...reason, live, from: this.scorer.version, id: this.#nextId() }
    if (contender !== undefined) this.#endings.set(live, { ...reason, id: champion.id })
    this.#go({ champion, contenders: contenders.filter((other) => other !== contender) })
  }

  /** Starts a challenger, or changes the one of this version, which then keeps its threads. */
  setContender({ scorer, ...ready }: ReadyContender): void {
    const { champion, contenders } = this.#route
    const before = contenders.find(({ live }) => live.scorer === scorer)
    const contender: Contender = { ...ready, live: before?.live ?? this.#hold(scorer), id: this.#nextId() }
    this.#go({ champion, contenders: [...contenders.filter((other) => other !== before), contender] })
  }

  /** @returns false when this version is no challenger */
  endContender(version: number, cause: Cause): boolean {
    const { champion, contenders } = this.#route
    const ended = contenders.find(({ live }) => live.scorer.version === version)
    if (ended === undefined) return false
    this.#endings.set(ended.live, { ...cause, id: this.#nextId() })
    this.#go({ champion, contenders: contenders.filter((other) => other !== ended) })
    return true
  }

  /** Writes down a version that could not take over, or could not become a challenger. */
  async refuse(version: number, outcome: string, { alias, by, reason, loadMs }: Reason): Promise<void> {
    const told: Told = {
      swap_id: this.#nextId(),
      alias,
      from_version: this.scorer.version,
      to_version: version,
      share: 0,
      load_ms: Math.round(loadMs),
      changed_by: by,
      reason,
      outcome,
    }
    const nowhere = { topic: '', topic_id: '', partition: 0, first_offset: 0, pause_us: 0 }
    await this.#options.record([{ ...told, ...nowhere, ...this.#common(this.#route) }])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const live of this.#held) this.#leave(live)
    await Promise.all(this.#leaving)
  }

  #record(lane: Lane, route: Route, topic: TopicInfo, partition: number, told: readonly Told[], pauseUs: number): void {
    const where = { topic: topic.name, topic_id: topic.id, partition, first_offset: lane.offset, pause_us: pauseUs }
    const recorded = this.#options.record(told.map((change) => ({ ...change, ...where, ...this.#common(route) })))
    lane.recorded = recorded
    recorded.catch(() => {
      // The next batch records it again, as if nothing were known of the partition.
      if (lane.recorded === recorded) lane.route = undefined
    })
  }

  /** The columns that all rows fill alike. Each row is later than the one before, so that they have an order. */
  #common(route: Route) {
    this.#lastRowMs = Math.max(this.#options.clock.now(), this.#lastRowMs + 1)
    return { swapped_at: this.#lastRowMs, model_name: this.scorer.name, ...tellRoute(route) }
  }

  #go(route: Route): void {
    this.#route = route
    for (const live of [...this.#held]) this.#leaveIfDone(live)
  }

  #hold(scorer: Scorer): Live {
    const live = { scorer, batches: 0 }
    this.#held.add(live)
    return live
  }

  #leaveIfDone(live: Live): void {
    const { champion, contenders } = this.#route
    if (live.batches > 0 || champion.live === live || contenders.some((contender) => contender.live === live)) return
    this.#leave(live)
  }

  #leave(live: Live): void {
    if (!this.#held.delete(live)) return
    const leaving = this.#release(live.scorer).finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
  }

  async #release(scorer: Scorer): Promise<void> {
    const { log } = this.#options
    try {
      await scorer[Symbol.asyncDispose]()
      log.debug({ version: scorer.version }, 'model is released')
    } catch (error) {
      log.warn({ err: error, version: scorer.version }, 'model could not be released')
    }
  }

  #nowUs(): number {
    return this.#options.nowUs?.() ?? performance.now() * 1000
  }

  #nextId(): string {
    return `${process.pid}-${this.#options.clock.now()}-${this.#changes++}`
  }
}
