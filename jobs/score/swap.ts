import { setMaxListeners } from 'node:events'
import type { SwapRow } from '../../clickhouse/rows/scores.ts'
import type { LogRecord, TopicInfo } from '../../connectors/event-log.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Scorer } from '../../inference/scorer.ts'
import { ChangeRecords } from './change-records.ts'
import { HeldModels } from './held-models.ts'
import { isIn, Lane, type Turn } from './lane.ts'
import type { ReadyContender, ReadyModel, Reason } from './ready.ts'
import {
  type Cause,
  type Champion,
  type Contender,
  type Endings,
  type Route,
  type Told,
  tellChampion,
  tellChanges,
} from './route.ts'

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

/** A change is recorded ahead of what comes in meanwhile, times this: records vary. */
const margin = 2
/** An offset that is not reached within this, after it was recorded, is no longer waited for, in milliseconds. */
const reachedWithinMs = 500

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
  readonly #records: ChangeRecords
  readonly #held: HeldModels
  readonly #endings: Endings = new WeakMap()
  readonly #closing = new AbortController()
  #route: Route
  #changes = 0

  constructor(options: ModelSwitchOptions) {
    this.#options = options
    setMaxListeners(0, this.#closing.signal) // one for each change that partitions have still to reach
    const { record, clock, log, first } = options
    const nowUs = () => this.#nowUs()
    this.#records = new ChangeRecords({ record, clock, log, nowUs, signal: this.#closing.signal })
    this.#held = new HeldModels(
      log,
      (live) => isIn(this.#route, live) || [...this.#lanes.values()].some((lane) => lane.mayNeed(live)),
    )
    const { scorer, ...reason } = first
    this.#route = {
      champion: { ...reason, live: this.#held.hold(scorer), from: 0, id: this.#nextId() },
      contenders: [],
    }
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
    this.#held.sweep()
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
    const back = lane.begin()
    const giveBack = this.#held.lease([champion.live, ...contenders.map(({ live }) => live)])
    return {
      records,
      scorer: champion.live.scorer,
      contenders,
      recorded: now.recorded,
      end: () => {
        back()
        giveBack()
      },
    }
  }

  /** Enters the turns that begin at or before an offset. */
  #reach(lane: Lane, offset: number): void {
    const { now, pauseUs } = lane
    const turn = lane.reach(offset)
    if (turn === undefined) return
    if (turn.route.champion.id !== now?.route.champion.id) this.#records.tellHandOver(lane, turn, pauseUs)
    this.#held.sweep()
  }

  /** Records who scores from this offset on, where nothing ahead says so; its rows wait for that. */
  #tellHere(lane: Lane, offset: number): void {
    const { now, pauseUs } = lane
    const route = this.#route
    const changes = tellChanges(now?.route, route, this.#endings)
    // Begun again further back: who scores is told again from there, by the change that brought the champion.
    const told = changes.length === 0 ? [tellChampion(route.champion)] : changes
    const isSwap = now !== undefined && now.route.champion.id !== route.champion.id
    const recorded = this.#records.record(
      this.#records.rowsOf(lane, { route, from: offset }, told, isSwap ? pauseUs : 0),
    )
    lane.enter({ route, from: offset, recorded })
    recorded.catch(() => this.#undo([lane], recorded)) // its batches fail with it, and come again
    this.#held.sweep()
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
      const turn = {
        route,
        from: Math.max(before.from, atOnce ? lane.next : lane.offsetIn(this.#records.recordUs * margin)),
      }
      turns.push([lane, turn])
      rows.push(...this.#records.rowsOf(lane, turn, tellChanges(before.route, route, this.#endings), 0))
    }
    if (rows.length === 0) return
    const recorded = this.#records.record(rows)
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
    this.#held.sweep()
  }

  /** A record that failed is made again with the next batch, as if nothing were known of the partition. */
  #undo(lanes: readonly Lane[], recorded: Promise<void>): void {
    for (const lane of lanes) lane.undo(recorded)
    this.#held.sweep()
  }

  /** From now on, batches get this model. One that is a challenger already goes on with the threads it has. */
  swap({ scorer, ...reason }: ReadyModel): void {
    const { contenders } = this.#route
    const contender = contenders.find(({ live }) => live.scorer === scorer)
    const live = contender?.live ?? this.#held.hold(scorer)
    const champion: Champion = { ...reason, live, from: this.scorer.version, id: this.#nextId() }
    if (contender !== undefined) this.#endings.set(live, { ...reason, id: champion.id })
    this.#go({ champion, contenders: contenders.filter((other) => other !== contender) })
  }

  /** Starts a challenger, or changes the one of this version, which then keeps its threads. */
  setContender({ scorer, ...ready }: ReadyContender): void {
    const { champion, contenders } = this.#route
    const before = contenders.find(({ live }) => live.scorer === scorer)
    const contender: Contender = { ...ready, live: before?.live ?? this.#held.hold(scorer), id: this.#nextId() }
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
    await this.#records.tellRefusal(told, this.#route)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#held[Symbol.asyncDispose]()
  }

  #go(route: Route, atOnce = false): void {
    this.#route = route
    this.#tellAhead(atOnce)
    this.#held.sweep()
  }

  #nowUs(): number {
    return this.#options.nowUs?.() ?? performance.now() * 1000
  }

  #nextId(): string {
    return `${process.pid}-${this.#options.clock.now()}-${this.#changes++}`
  }
}

const keyOf = (topic: TopicInfo, partition: number): string => `${topic.name} ${partition}`
