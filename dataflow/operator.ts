/**
 * A pure step over plain data: state, items and the time go in; the next state, output and a wake-up time come out.
 * State must survive `structuredClone`, because a checkpoint is simply that value.
 */
export interface Operator<In, State, Out> {
  readonly name: string
  initial(): State
  onItems(state: State, items: readonly In[], nowMs: number): Step<State, Out>
  /** Called once the latest `wakeAtMs` has passed. */
  onWake(state: State, nowMs: number): Step<State, Out>
  /** The partition has ended: what is still held goes out. */
  onEnd(state: State): readonly Out[]
}

export interface Step<State, Out> {
  readonly state: State
  readonly emit: readonly Out[]
  readonly wakeAtMs?: number | undefined
}
