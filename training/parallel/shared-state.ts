import type { Layout } from './layout.ts'

/** The rows of a table that one worker's part of a batch used, and their gradient. */
export interface RowGradient {
  /** [capacity]; the first `count` are in use, each row once. */
  readonly rows: Int32Array
  /** [capacity, width] */
  readonly values: Float32Array
}

/** One worker's gradient, in shared memory: it writes it, all read it. */
export interface GradientBuffer {
  /** [denseLength] */
  readonly dense: Float32Array
  /** One per table of the layout. */
  readonly tables: readonly RowGradient[]
}

/** Everything that the workers share. All arrays lie in shared memory and are handed over as they are. */
export interface SharedState {
  readonly weights: Float32Array
  readonly first: Float32Array
  readonly second: Float32Array
  /** Per table, [rows]: 1 once a batch has used the row. */
  readonly awake: readonly Uint8Array[]
  /** Per table: the product of the decays that rows still asleep have missed; the same in every worker's eyes. */
  readonly missedDecay: Float64Array
  /** See barrier.ts. */
  readonly barrier: Int32Array
  /** [1]: set to 1 to give up the step in flight. */
  readonly cancelled: Int32Array
  /** [workers]: 0 or one of `outcomes`, of the gradient phase. */
  readonly outcomes: Int32Array
  /** [workers, tables]: rows in use in each gradient buffer, or wanted when they do not fit. */
  readonly rowCounts: Int32Array
  /** [workers, 2]: loss and squared norm of the gradient, each worker's part. */
  readonly sums: Float64Array
  /** One per worker; replaced by larger ones when the rows do not fit. */
  readonly gradients: readonly GradientBuffer[]
}

/** How a worker's gradient phase ended. */
export const outcomes = { done: 0, failed: 1, overflow: 2, cancelled: 3 } as const

const shared = (bytes: number): SharedArrayBuffer => new SharedArrayBuffer(bytes)
const floats = (length: number): Float32Array => new Float32Array(shared(length * 4))
const integers = (length: number): Int32Array => new Int32Array(shared(length * 4))
const doubles = (length: number): Float64Array => new Float64Array(shared(length * 8))

/** Rows per table that a gradient buffer holds at first; it doubles when a batch needs more. */
const firstCapacity = 512

export function sharedState(layout: Layout, workers: number): SharedState {
  const missedDecay = doubles(layout.tables.length).fill(1)
  return {
    weights: floats(layout.length),
    first: floats(layout.length),
    second: floats(layout.length),
    awake: layout.tables.map(({ dims }) => new Uint8Array(shared(dims[0] ?? 0))),
    missedDecay,
    barrier: integers(2),
    cancelled: integers(1),
    outcomes: integers(workers),
    rowCounts: integers(workers * layout.tables.length),
    sums: doubles(workers * 2),
    gradients: Array.from({ length: workers }, () => ({
      dense: floats(layout.denseLength),
      tables: layout.tables.map((table) => rowGradient(firstCapacity, table.dims[1] ?? 0)),
    })),
  }
}

const rowGradient = (capacity: number, width: number): RowGradient => ({
  rows: integers(capacity),
  values: floats(capacity * width),
})

/** The same state with room for the rows that the last attempt wanted. */
export function grown(state: SharedState, layout: Layout): SharedState {
  const gradients = state.gradients.map(({ dense, tables }, worker) => ({
    dense,
    tables: tables.map((table, index) => {
      const wanted = state.rowCounts[worker * layout.tables.length + index] ?? 0
      const { dims } = layout.tables[index] ?? { dims: [] }
      if (wanted <= table.rows.length) return table
      return rowGradient(Math.min(dims[0] ?? 0, Math.max(wanted, table.rows.length * 2)), dims[1] ?? 0)
    }),
  }))
  return { ...state, gradients }
}
