import type { LogRecord, TopicInfo } from '../../connectors/event-log.ts'
import type { Live, Route } from './route.ts'

/** Who scores a partition from an offset on. */
export interface Turn {
  readonly route: Route
  readonly from: number
  /** Settles once `swaps` says so. */
  readonly recorded: Promise<void>
}

/** A partition's rate is that of stretches of at least this length, in microseconds. */
const stretchUs = 200_000
/** After so long without a batch, in microseconds, nothing is expected of a partition. */
const idleUs = 1_000_000
/** Bounds what a burst makes of a rate. */
const mostAhead = 50_000

/** A partition that is scored here: whose turn it is, whose turns come, and how fast it goes. */
export class Lane {
  readonly topic: TopicInfo
  readonly partition: number
  readonly #nowUs: () => number
  /** `undefined` while it must be recorded who scores. */
  #now: Turn | undefined
  /** Recorded, and not reached yet; in the order of their offsets. */
  #ahead: readonly Turn[] = []
  #next = 0
  #batches = 0
  /** Since when nobody has been scoring it, when no batch is under way. */
  #idleSinceUs: number
  /** Records begun since `#sinceUs`, and the rate of the stretch before, in records per microsecond. */
  #begun = 0
  #sinceUs: number
  #rate = 0
  /** When the last batch was begun: records that came since then are in none. */
  #begunAtUs: number

  /** @param nowUs a clock in microseconds */
  constructor(topic: TopicInfo, partition: number, nowUs: () => number) {
    this.topic = topic
    this.partition = partition
    this.#nowUs = nowUs
    this.#idleSinceUs = nowUs()
    this.#sinceUs = nowUs()
    this.#begunAtUs = nowUs()
  }

  /** Offset after the last record that was begun. */
  get next(): number {
    return this.#next
  }

  get now(): Turn | undefined {
    return this.#now
  }

  /** True when no turn has still to be reached. */
  get settled(): boolean {
    return this.#ahead.length === 0
  }

  /** Who scores once all turns are reached. */
  get last(): Turn | undefined {
    return this.#ahead.at(-1) ?? this.#now
  }

  /** The next turn to be reached. */
  get upcoming(): Turn | undefined {
    return this.#ahead[0]
  }

  /** Microseconds since the last batch came back; 0 while there is one. */
  get pauseUs(): number {
    return this.#batches === 0 ? Math.round(this.#nowUs() - this.#idleSinceUs) : 0
  }

  /** Takes note of a batch that is begun. */
  count(batch: readonly Pick<LogRecord, 'offset'>[]): void {
    this.#next = (batch.at(-1)?.offset ?? 0) + 1
    const nowUs = this.#nowUs()
    if (nowUs - this.#sinceUs >= stretchUs) {
      this.#rate = this.#begun / (nowUs - this.#sinceUs)
      this.#begun = 0
      this.#sinceUs = nowUs
    }
    this.#begun += batch.length
    this.#begunAtUs = nowUs
  }

  /** A part of a batch is begun. @returns what to call when it is back */
  begin(): () => void {
    this.#batches++
    return () => {
      this.#batches--
      this.#idleSinceUs = this.#nowUs()
    }
  }

  /**
   * The first offset that is not begun when this time has passed, as far as one can tell: the next batch holds also what has come
   * since the last one was begun.
   */
  offsetIn(us: number): number {
    const nowUs = this.#nowUs()
    if (nowUs - this.#begunAtUs > idleUs) return this.#next
    return this.#next + Math.min(mostAhead, Math.ceil(this.#rate * (nowUs - this.#begunAtUs + us)))
  }

  /** Enters the turns that begin at or before an offset. @returns the last of them, if there is one */
  reach(offset: number): Turn | undefined {
    const turn = this.#ahead.findLast(({ from }) => from <= offset)
    if (turn !== undefined) this.enter(turn)
    return turn
  }

  /** What comes before a turn ahead is passed over. One that is not ahead is all there is. */
  enter(turn: Turn): void {
    const at = this.#ahead.indexOf(turn)
    this.#ahead = at < 0 ? [] : this.#ahead.slice(at + 1)
    this.#now = turn
  }

  /** @param alone in the place of all turns that are not reached */
  expect(turn: Turn, alone: boolean): void {
    this.#ahead = alone ? [turn] : [...this.#ahead, turn]
  }

  /** Reached or not, its turns of this record are of the past. */
  passOver(recorded: Promise<void>): void {
    const turn = this.#ahead.find((ahead) => ahead.recorded === recorded)
    if (turn !== undefined) this.enter(turn)
  }

  /** This record was lost. */
  undo(recorded: Promise<void>): void {
    this.#ahead = this.#ahead.filter((turn) => turn.recorded !== recorded)
    if (this.#now?.recorded === recorded) this.#now = undefined
  }

  /** Whether records that are still to come may be this model's although others have taken over. */
  mayNeed(live: Live): boolean {
    if (this.settled) return false
    return [this.#now, ...this.#ahead].some((turn) => turn !== undefined && isIn(turn.route, live))
  }
}

export const isIn = ({ champion, contenders }: Route, live: Live): boolean =>
  champion.live === live || contenders.some((contender) => contender.live === live)
