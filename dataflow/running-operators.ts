import { type Meter, stopwatch } from './metrics.ts'
import type { Operator, Step } from './operator.ts'

/** One operator or several in a row, at work on one partition. */
export interface RunningOperators<In, Out> {
  onItems(items: readonly In[], nowMs: number): readonly Out[]
  /** Wakes those whose time has come. */
  onWake(nowMs: number): readonly Out[]
  onEnd(nowMs: number): readonly Out[]
  /** Infinity when none waits to be woken. */
  readonly wakeAtMs: number
  addStates(states: Record<string, unknown>): void
}

/** Builds operators from the states of a checkpoint, by step name. */
export type OpenOperators<In, Out> = (
  states: Readonly<Record<string, unknown>>,
  meterOf: (step: string) => Meter,
) => RunningOperators<In, Out>

export const single =
  <In, State, Out>(name: string, operator: Operator<In, State, Out>): OpenOperators<In, Out> =>
  (states, meterOf) => {
    const meter = meterOf(name)
    let state = name in states ? (states[name] as State) : operator.initial()
    let wakeAtMs = Number.POSITIVE_INFINITY
    const take = (startedMs: number, step: Step<State, Out>): readonly Out[] => {
      meter.busyMs += stopwatch() - startedMs
      meter.out += step.emit.length
      state = step.state
      wakeAtMs = step.wakeAtMs ?? Number.POSITIVE_INFINITY
      return step.emit
    }
    return {
      onItems(items, nowMs) {
        meter.in += items.length
        return take(stopwatch(), operator.onItems(state, items, nowMs))
      },
      onWake(nowMs) {
        if (nowMs < wakeAtMs) return []
        const emitted = take(stopwatch(), operator.onWake(state, nowMs))
        if (wakeAtMs <= nowMs) throw new Error(`step '${name}' was woken and asked to be woken at once again`)
        return emitted
      },
      onEnd: (nowMs) => take(stopwatch(), operator.onEnd(state, nowMs)),
      get wakeAtMs() {
        return wakeAtMs
      },
      addStates(into) {
        if (state !== undefined) into[name] = state
      },
    }
  }

/** Runs `second` on what `first` emits, without a queue between them. */
export const inARow =
  <In, Mid, Out>(first: OpenOperators<In, Mid>, second: OpenOperators<Mid, Out>): OpenOperators<In, Out> =>
  (states, meterOf) => {
    const before = first(states, meterOf)
    const after = second(states, meterOf)
    return {
      onItems: (items, nowMs) => after.onItems(before.onItems(items, nowMs), nowMs),
      onWake(nowMs) {
        const emitted = before.onWake(nowMs)
        const passed = emitted.length === 0 ? emptied : after.onItems(emitted, nowMs)
        return joined(passed, after.onWake(nowMs))
      },
      onEnd: (nowMs) => joined(after.onItems(before.onEnd(nowMs), nowMs), after.onEnd(nowMs)),
      get wakeAtMs() {
        return Math.min(before.wakeAtMs, after.wakeAtMs)
      },
      addStates(into) {
        before.addStates(into)
        after.addStates(into)
      },
    }
  }

const emptied: readonly never[] = []
const joined = <Item>(one: readonly Item[], other: readonly Item[]): readonly Item[] =>
  one.length === 0 ? other : other.length === 0 ? one : [...one, ...other]
