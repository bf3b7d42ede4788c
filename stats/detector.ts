/**
 * A streaming detector: a pure step over plain state. Numbers come one by one; the state can be kept as JSON or by
 * structuredClone and taken up again anywhere, and equal streams give equal alarms.
 */
export interface Detector<State> {
  readonly name: string
  initial(): State
  /** @throws RangeError when the value is NaN, or outside what the detector takes */
  step(state: State, value: number): Detected<State>
}

export interface Detected<State> {
  /** What to pass with the next value; after `drift` it is what the detector keeps, often a fresh start. */
  readonly state: State
  readonly verdict: 'ok' | 'warning' | 'drift'
}

/** @throws RangeError when a value is NaN, infinite or outside low to high */
export function checkValue(value: number, low: number, high: number): void {
  if (!Number.isFinite(value) || value < low || value > high) {
    throw new RangeError(`${value} is not a number from ${low} to ${high}`)
  }
}
