/**
 * A pure step over plain data: state, items and the time go in; the next state, output and a wake-up time come out.
 * State must survive `structuredClone`, because a checkpoint is simply that value; it is never changed in place. Keep
 * nothing (state `undefined`) and the checkpoint has no entry for the step. What is emitted on a wake-up or at the end must
 * leave the state different from before: a sink knows a repeated write by its checkpoint.
 */
export interface Operator<In, State, Out> {
  readonly name: string
  initial(): State
  /** Also called with no items: once when a partition is opened, to learn when to wake it, and when a step before emits none. */
  onItems(state: State, items: readonly In[], nowMs: number): Step<State, Out>
  /** Called once the latest `wakeAtMs` has passed. */
  onWake(state: State, nowMs: number): Step<State, Out>
  /** The partition has ended: what is still held goes out. The state that is left is where a later run goes on. */
  onEnd(state: State, nowMs: number): Step<State, Out>
}

export interface Step<State, Out> {
  readonly state: State
  readonly emit: readonly Out[]
  /** Replaces the one before; absent means never. Milliseconds since the epoch, later than now after a wake-up. */
  readonly wakeAtMs?: number | undefined
}
