import { checkBetween } from './checks.ts'
import { checkValue, type Detected, type Detector } from './detector.ts'

/** Sum and squared deviations of 2^level neighbouring values. */
interface Bucket {
  readonly total: number
  readonly deviation: number
}

export interface AdwinState {
  readonly seen: number
  /** Values in the window, their sum, and the sum of their squared deviations from the mean. */
  readonly width: number
  readonly total: number
  readonly deviation: number
  /** [level][age], oldest first; a bucket of level i stands for 2^i values, higher levels are older. */
  readonly levels: readonly (readonly Bucket[])[]
}

export interface AdwinOptions {
  /** Bound on the false-alarm probability of one check, 0.002 by default. */
  readonly delta?: number
  /** Check at every n-th value, 32 by default: 1 notices sooner and costs more. */
  readonly every?: number
  /** Buckets of a level before its two oldest are merged, 5 by default; more cut finer and cost more. */
  readonly perLevel?: number
  /** Values that either part of a cut must have, 5 by default. */
  readonly shortestPart?: number
  /** Values before the first check, 10 by default. */
  readonly grace?: number
}

/**
 * ADWIN2: a window that grows while its mean stays and drops its oldest values when some cut into W₀ and W₁ has
 * |μ₀ − μ₁| > √(2 σ² δ′ / h) + 2 δ′ / (3 h), 1/h = 1/n₀ + 1/n₁, δ′ = ln(2 ln n / δ).
 * After an alarm it goes on with what is left, the new concept. Memory and time are O(log n).
 *
 * Agrees with River, alarm by alarm, also in taking n₀ − shortestPart + 1 for n₀ in h (and n₁ likewise).
 *
 * @see Bifet and Gavaldà (2007), SDM, 443–448, doi:10.1137/1.9781611972771.42; buckets: Datar et al. (2002),
 *   doi:10.1137/S0097539701398363
 */
export function adwin(options: AdwinOptions = {}): Detector<AdwinState> {
  const { delta = 0.002, every = 32, perLevel = 5, shortestPart = 5, grace = 10 } = options
  checkBetween(delta, 0, 1, 'delta')
  const differs = ({ width, deviation }: AdwinState, n0: number, u0: number, n1: number, u1: number): boolean => {
    if (n0 < shortestPart || n1 < shortestPart) return false
    const logTerm = Math.log((2 * Math.log(width)) / delta)
    const inverse = 1 / (n0 - shortestPart + 1) + 1 / (n1 - shortestPart + 1)
    const bound = Math.sqrt(2 * inverse * (deviation / width) * logTerm) + (2 / 3) * logTerm * inverse
    return Math.abs(u0 / n0 - u1 / n1) > bound
  }
  /** Whether some cut between two buckets, oldest first, separates two means. */
  const hasCut = (state: AdwinState): boolean => {
    let [n0, u0] = [0, 0]
    let [n1, u1] = [state.width, state.total]
    for (let level = state.levels.length - 1; level >= 0; level--) {
      for (const { total } of state.levels[level] ?? []) {
        n0 += 2 ** level
        n1 -= 2 ** level
        u0 += total
        u1 -= total
        if (n1 > 0 && differs(state, n0, u0, n1, u1)) return true
      }
    }
    return false
  }
  return {
    name: 'adwin',
    initial: () => ({ seen: 0, width: 0, total: 0, deviation: 0, levels: [] }),
    step(before, value): Detected<AdwinState> {
      checkValue(value, -Number.MAX_VALUE, Number.MAX_VALUE)
      let state = insert(before, value, perLevel)
      if (state.seen % every !== 0 || state.width <= grace) return { state, verdict: 'ok' }
      const { width } = state
      while (hasCut(state)) state = dropOldest(state)
      return { state, verdict: state.width < width ? 'drift' : 'ok' }
    },
  }
}

function insert(state: AdwinState, value: number, perLevel: number): AdwinState {
  const width = state.width + 1
  const off = state.width === 0 ? 0 : value - state.total / state.width
  const levels = state.levels.map((buckets) => [...buckets])
  let bucket: Bucket | undefined = { total: value, deviation: 0 }
  for (let level = 0; bucket !== undefined; level++) {
    const buckets: Bucket[] = levels[level] ?? []
    levels[level] = buckets
    buckets.push(bucket)
    const [oldest, next] = buckets
    if (buckets.length <= perLevel || oldest === undefined || next === undefined) break
    buckets.splice(0, 2)
    const apart = (oldest.total - next.total) / 2 ** level
    bucket = {
      total: oldest.total + next.total,
      deviation: oldest.deviation + next.deviation + (2 ** level / 2) * apart * apart,
    }
  }
  return {
    seen: state.seen + 1,
    width,
    total: state.total + value,
    deviation: state.deviation + (state.width * off * off) / width,
    levels,
  }
}

function dropOldest(state: AdwinState): AdwinState {
  const top = state.levels.length - 1
  const [oldest, ...rest] = state.levels[top] ?? []
  if (oldest === undefined) throw new Error('an empty window has nothing to drop')
  const size = 2 ** top
  const width = state.width - size
  const total = state.total - oldest.total
  const apart = oldest.total / size - total / width
  const lost = oldest.deviation + ((size * width) / (size + width)) * apart * apart
  const levels = rest.length > 0 ? [...state.levels.slice(0, top), rest] : state.levels.slice(0, top)
  return { seen: state.seen, width, total, deviation: Math.max(0, state.deviation - lost), levels }
}
