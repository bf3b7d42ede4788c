import { setMaxListeners } from 'node:events'
import type { SwapRow } from '../../clickhouse/rows.ts'
import type { LogRecord, TopicInfo } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Scorer } from '../../inference/scorer.ts'
import type { SlotRange } from '../../models/registry/slots.ts'
import { isIn, Lane, type Turn } from './lane.ts'
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

/** The models of some records of a batch, mostly of all. */
export interface Lease {
  /** How many records: the first of the batch, or those after the lease before. */
  readonly records: number
  readonly scorer: Scorer
  /** Challengers that take posts from it, or score posts beside it. */
  readonly contenders: readonly Contender[]
  /** Settles once `swaps` says who scores from which offset on; rows must not be written before. */
  readonly recorded: Promise<void>
  /** They are scored, or failed. */
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

/** What a record of a change is taken to need before one was measured, in microseconds. */
const firstRecordUs = 50_000
/** A change is recorded ahead of what comes in meanwhile, times this: records vary. */
const margin = 1.5
/** An offset that is not reached within this, after it was recorded, is no longer waited for, in milliseconds. */
const reachedWithinMs = 500
/** Rows that tell of a hand-over gather for so long, in milliseconds. */
const gatherMs = 100

/**
 * Holds the models that score now: the champion, and challengers beside it. A batch leases them for as long as it takes;
 * a change of any kind changes what later batches get, and lets a model go once its last batch is back.
 *
 * Each partition's change is recorded before any row that follows from it is written: so the last record at or below an
 * offset always says who scores which post there, whenever the process is killed. A partition that begins again further
 * back (after a failed write, or a start) is recorded again from there.
 *
 * A record takes the store some tens of milliseconds, and rows that waited for it came that much later. So a change is
 * recorded ahead, for an offset that each partition will reach about when the record is durable, and nobody waits: until then
 * those who scored before go on. A batch that holds the offset is scored in two parts.
 */
export class ModelSwitch implements AsyncDisposable {
  readonly #options: ModelSwitchOptions
  readonly #lanes = new Map<string, Lane>()
  /** Models that are not released: those of the route, and older ones that still have batches or records to come. */
  readonly #held = new Set<Live>()
  readonly #leaving = new Set<Promise<void>>()
  readonly #endings: Endings = new WeakMap()
  readonly #closing = new AbortController()
  #route: Route
  #changes = 0
  #lastRowMs = 0
  #recordUs = firstRecordUs
  /** Hand-overs that are not told yet. */
  #handOvers: SwapRow[] = []

  constructor(options: ModelSwitchOptions) {
    this.#options = options
    setMaxListeners(0, this.#closing.signal) // one for each change that partitions have still to reach
    const { scorer, ...reason } = options.first
    this.#route = { champion: { ...reason, live: this.#hold(scorer), from: 0, id: this.#nextId() }, contenders: [] }
  }

  /** The champion, as the next batch will have it. */
  get scorer(): Scorer {
    return this.#route.champion.live.scorer
  }

  /** True when no partition has still to reach the offset of a change. */
  get settled(): boolean {
    return [...this.#lanes.values()].every((lane) => lane.settled)
  }

  get contenders(): readonly Contender[] {
    return this.#route.contenders
  }

  /** @param batch records of one partition in the order of their offsets, at least one */
  begin(topic: TopicInfo, batch: readonly Pick<LogRecord, 'partition' | 'offset'>[]): readonly Lease[] {
    const [first] = batch
    if (first === undefined) throw new Error('a batch has at least one record')
    const lane = this.#lane(topic, first.partition)
    this.#reach(lane, first.offset)
    const { now } = lane
    if (now === undefined || first.offset < now.from || (lane.settled && now.route !== this.#route)) {
      this.#tellHere(lane, first.offset)
    }
    lane.count(batch)
    const leases: Lease[] = []
    for (let from = 0; from < batch.length; ) {
      const cutAt = lane.upcoming?.from ?? Number.POSITIVE_INFINITY
      const cut = batch.findIndex(({ offset }) => offset >= cutAt)
      const to = cut < 0 ? batch.length : cut
      leases.push(this.#lease(lane, to - from))
      if (cut >= 0) this.#reach(lane, batch[cut]?.offset ?? 0)
      from = to
    }
    return leases
  }

  /** The partition is closed here, and another process may go on with it: nothing may be told of it any more. */
  forget(topic: TopicInfo, partition: number): void {
    this.#lanes.delete(keyOf(topic, partition))
    this.#sweep()
  }

  #lane(topic: TopicInfo, partition: number): Lane {
    const key = keyOf(topic, partition)
    const known = this.#lanes.get(key) ?? new Lane(topic, partition, () => this.#nowUs())
    this.#lanes.set(key, known)
    return known
  }

  #lease(lane: Lane, records: number): Lease {
    const { now } = lane
    if (now === undefined) throw new Error('nobody scores this partition')
    const { champion, contenders } = now.route
    const lives = [champion.live, ...contenders.map(({ live }) => live)]
    const back = lane.begin()
    for (const live of lives) live.batches++
    return {
      records,
      scorer: champion.live.scorer,
      contenders,
      recorded: now.recorded,
      end: () => {
        back()
        for (const live of lives) {
          live.batches--
          this.#leaveIfDone(live)
        }
      },
    }
  }

  /** Enters the turns that begin at or before an offset. */
  #reach(lane: Lane, offset: number): void {
    const { now, pauseUs } = lane
    const turn = lane.reach(offset)
    if (turn === undefined) return
    if (turn.route.champion.id !== now?.route.champion.id) this.#tellHandOver(lane, turn, pauseUs)
    this.#sweep()
  }

  /** Records who scores from this offset on, where nothing ahead says so; its rows wait for that. */
  #tellHere(lane: Lane, offset: number): void {
    const { now, pauseUs } = lane
    const route = this.#route
    const changes = tellChanges(now?.route, route, this.#endings)
    // Begun again further back: who scores is told again from there, by the change that brought the champion.
    const told = changes.length === 0 ? [tellChampion(route.champion)] : changes
    const isSwap = now !== undefined && now.route.champion.id !== route.champion.id
    const recorded = this.#record(this.#rows(lane, { route, from: offset }, told, isSwap ? pauseUs : 0))
    lane.enter({ route, from: offset, recorded })
    recorded.catch(() => this.#undo([lane], recorded)) // its batches fail with it, and come again
    this.#sweep()
  }

  /**
   * Records a change in all partitions at once, for offsets that they will reach when it is durable.
   *
   * @param atOnce for the next records instead, whose rows wait then
   */
  #tellAhead(atOnce: boolean): void {
    const route = this.#route
    const rows: SwapRow[] = []
    const turns: [Lane, Omit<Turn, 'recorded'>][] = []
    for (const lane of this.#lanes.values()) {
      const before = atOnce ? lane.now : lane.last
      if (before === undefined) continue
      const turn = { route, from: Math.max(before.from, lane.offsetIn(atOnce ? 0 : this.#recordUs * margin)) }
      turns.push([lane, turn])
      rows.push(...this.#rows(lane, turn, tellChanges(before.route, route, this.#endings), 0))
    }
    if (rows.length === 0) return
    const recorded = this.#record(rows)
    for (const [lane, turn] of turns) lane.expect({ ...turn, recorded }, atOnce)
    const lanes = turns.map(([lane]) => lane)
    void recorded.then(
      () => this.#endWait(lanes, recorded),
      (error: unknown) => {
        this.#undo(lanes, recorded)
        this.#options.log.warn({ err: error }, 'a change could not be recorded ahead; the next batches record it')
      },
    )
  }

  /** The stream may have stopped before an offset: then the next records, below it, are told of anew. */
  async #endWait(lanes: readonly Lane[], recorded: Promise<void>): Promise<void> {
    await this.#options.clock.sleep(reachedWithinMs, this.#closing.signal).catch(() => undefined)
    for (const lane of lanes) lane.passOver(recorded)
    this.#sweep()
  }

  /** A record that failed is made again with the next batch, as if nothing were known of the partition. */
  #undo(lanes: readonly Lane[], recorded: Promise<void>): void {
    for (const lane of lanes) lane.undo(recorded)
    this.#sweep()
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
    this.#go({ champion, contenders: contenders.filter((other) => other !== ended) }, true)
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
    this.#closing.abort()
    for (const live of this.#held) this.#leave(live)
    await Promise.all(this.#leaving)
  }

  async #record(rows: readonly SwapRow[]): Promise<void> {
    const startedUs = this.#nowUs()
    await this.#options.record(rows)
    this.#recordUs += 0.3 * (this.#nowUs() - startedUs - this.#recordUs)
  }

  #rows(lane: Lane, { route, from }: Omit<Turn, 'recorded'>, told: readonly Told[], pauseUs: number): SwapRow[] {
    const { topic, partition } = lane
    const where = { topic: topic.name, topic_id: topic.id, partition, first_offset: from, pause_us: pauseUs }
    return told.map((change) => ({ ...change, ...where, ...this.#common(route) }))
  }

  /** The record of a swap was made ahead; what the hand-over was like is told after it, and nobody waits for that. */
  #tellHandOver(lane: Lane, turn: Turn, pauseUs: number): void {
    const told = { ...tellChampion(turn.route.champion), outcome: 'took_over' }
    this.#handOvers.push(...this.#rows(lane, turn, [told], pauseUs))
    if (this.#handOvers.length > 1) return
    void this.#options.clock
      .sleep(gatherMs, this.#closing.signal)
      .catch(() => undefined)
      .then(() => this.#options.record(this.#handOvers.splice(0)))
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'a hand-over could not be recorded'))
  }

  /** The columns that all rows fill alike. Each row is later than the one before, so that they have an order. */
  #common(route: Route) {
    this.#lastRowMs = Math.max(this.#options.clock.now(), this.#lastRowMs + 1)
    return { swapped_at: this.#lastRowMs, model_name: this.scorer.name, ...tellRoute(route) }
  }

  #go(route: Route, atOnce = false): void {
    this.#route = route
    this.#tellAhead(atOnce)
    this.#sweep()
  }

  #hold(scorer: Scorer): Live {
    const live = { scorer, batches: 0 }
    this.#held.add(live)
    return live
  }

  #sweep(): void {
    for (const live of [...this.#held]) this.#leaveIfDone(live)
  }

  #leaveIfDone(live: Live): void {
    if (live.batches > 0 || isIn(this.#route, live)) return
    if ([...this.#lanes.values()].some((lane) => lane.mayNeed(live))) return
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

const keyOf = (topic: TopicInfo, partition: number): string => `${topic.name} ${partition}`
