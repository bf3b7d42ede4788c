import { type AdamWOptions, adamWStep, squaredNorm, updateAdamW } from '../optimiser.ts'
import { barrier } from './barrier.ts'
import type { Differentiator } from './differentiator.ts'
import type { Layout } from './layout.ts'
import { type LossTotals, lossTargets } from './loss.ts'
import { outcomes, type SharedState } from './shared-state.ts'
import { TableUpdate } from './table-update.ts'
import type { Batch, LossOptions, StepResult } from './trainer.ts'

export interface ShardTask {
  /** This worker's rows; absent when the batch has fewer rows than there are workers. */
  readonly batch: Batch | undefined
  readonly totals: LossTotals
  readonly learningRate: number
  /** Counted from 1. */
  readonly step: number
}

export type ShardResult =
  | ({ readonly outcome: 'done' } & StepResult)
  | { readonly outcome: 'overflow' | 'cancelled' | 'failed' }

export interface ShardOptions {
  readonly index: number
  readonly workers: number
  readonly layout: Layout
  readonly loss: LossOptions
  readonly optimiser: AdamWOptions
}

/**
 * One worker's part of the training: the gradient of its rows of a batch, then, for its share of the weights, the sum over
 * the workers (always in their order, so that it is the same every time) and AdamW. Three meetings make a step:
 *
 *   all:  gradient of my rows ─┤ sum of my share, its norm ─┤ update of my share ─┤
 */
export class Shard {
  readonly #options: ShardOptions
  readonly #differentiator: Differentiator
  #state: SharedState
  #updates: readonly TableUpdate[]
  #stale = false

  constructor(options: ShardOptions, state: SharedState, differentiator: Differentiator) {
    this.#options = options
    this.#state = state
    this.#differentiator = differentiator
    this.#updates = options.layout.tables.map((entry, index) => new TableUpdate(entry, index, options, state))
  }

  /** Larger gradient buffers, after an overflow. */
  replaceState(state: SharedState): void {
    this.#state = state
    for (const update of this.#updates) update.replaceState(state)
  }

  /** The weights were changed from outside. */
  invalidate(): void {
    this.#stale = true
  }

  logits(feeds: Batch['feeds']): Float32Array {
    this.#refresh()
    return this.#differentiator.logits(feeds).values
  }

  /** @throws what the backend throws, after the other workers have been told */
  step(task: ShardTask): ShardResult {
    const { index, workers } = this.#options
    const meeting = barrier(this.#state.barrier, workers)
    let failure: unknown
    try {
      this.#state.outcomes[index] = this.#gradient(task)
    } catch (error) {
      failure = error
      this.#state.outcomes[index] = outcomes.failed
    }
    meeting.wait()
    const worst = this.#state.outcomes.reduce((worst, outcome) => Math.max(worst, outcome), 0)
    if (worst !== outcomes.done) {
      meeting.wait() // nobody starts anew before all have read the outcomes
      if (failure !== undefined) throw failure
      return {
        outcome: worst === outcomes.cancelled ? 'cancelled' : worst === outcomes.overflow ? 'overflow' : 'failed',
      }
    }
    this.#state.sums[index * 2 + 1] = this.#sum()
    meeting.wait()
    const loss = this.#total(0)
    const gradientNorm = Math.sqrt(this.#total(1))
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) {
      this.#update(task, gradientNorm)
      this.#stale = true
    }
    meeting.wait()
    return { outcome: 'done', loss, gradientNorm }
  }

  #gradient({ batch, totals }: ShardTask): number {
    const { index, loss, layout } = this.#options
    const buffer = this.#state.gradients[index]
    if (buffer === undefined) throw new Error(`no gradient buffer for worker ${index}`)
    this.#refresh()
    const counts = this.#state.rowCounts.subarray(index * layout.tables.length, (index + 1) * layout.tables.length)
    if (batch === undefined) {
      buffer.dense.fill(0)
      counts.fill(0)
      this.#state.sums[index * 2] = 0
      return outcomes.done
    }
    const targetsFor = (classes: number) => lossTargets(batch, classes, loss, totals)
    this.#state.sums[index * 2] = this.#differentiator.gradient(batch.feeds, targetsFor, buffer, counts)
    const overflow = buffer.tables.some(({ rows }, at) => (counts[at] ?? 0) > rows.length)
    if (Atomics.load(this.#state.cancelled, 0) === 1) return outcomes.cancelled
    return overflow ? outcomes.overflow : outcomes.done
  }

  #refresh(): void {
    if (!this.#stale) return
    this.#differentiator.refresh()
    this.#stale = false
  }

  /** Adds up my share of the gradient, the dense part into the first worker's buffer, and returns its squared norm. */
  #sum(): number {
    const [from, to] = this.#share()
    const [first, ...others] = this.#state.gradients.map(({ dense }) => dense.subarray(from, to))
    if (first === undefined) throw new Error('no worker')
    for (const other of others) {
      for (let at = 0; at < first.length; at++) first[at] = (first[at] as number) + (other[at] as number)
    }
    return this.#updates.reduce((total, update) => total + update.sum(), squaredNorm(first))
  }

  /** [from, to) of the dense parameters: equal parts, whole vectors. */
  #share(): readonly [number, number] {
    const { index, workers, layout } = this.#options
    const cut = (part: number): number => Math.floor((layout.denseLength * part) / workers / 4) * 4
    return [cut(index), index === workers - 1 ? layout.denseLength : cut(index + 1)]
  }

  #update({ step, learningRate }: ShardTask, gradientNorm: number): void {
    const { layout, optimiser } = this.#options
    const numbers = adamWStep(optimiser, step, learningRate, gradientNorm)
    const gradient = this.#state.gradients[0]?.dense
    if (gradient === undefined) throw new Error('no worker')
    const [from, to] = this.#share()
    for (const { offset, length, decays } of layout.dense) {
      const start = Math.max(offset, from)
      const end = Math.min(offset + length, to)
      if (start >= end) continue
      updateAdamW(this.#state, { start, length: end - start, gradient, gradientStart: start, decays }, numbers)
    }
    for (const update of this.#updates) update.apply(numbers)
  }

  #total(column: 0 | 1): number {
    let total = 0
    for (let worker = 0; worker < this.#options.workers; worker++) total += this.#state.sums[worker * 2 + column] ?? 0
    return total
  }

  dispose(): void {
    this.#differentiator.dispose()
  }
}
