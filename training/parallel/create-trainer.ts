import { DriftlineError } from '../../core/errors.ts'
import type { BackendName } from '../backends/backend.ts'
import { backendFor, quietTensorflow } from '../backends/select.ts'
import { type Entry, layoutOf } from './layout.ts'
import { lossTotals } from './loss.ts'
import { type Answer, localMember, type Member, type Request } from './member.ts'
import type { ShardSetup } from './open-shard.ts'
import { shareModel } from './share-model.ts'
import { grown, sharedState } from './shared-state.ts'
import { rowsOf, sliceBatch, sliceFeeds, splitRows } from './split.ts'
import { threadMember } from './thread-member.ts'
import type { Batch, Feeds, StepResult, Trainer, TrainerOptions } from './trainer.ts'

/** Tables of fewer rows (positions, token types, small vocabularies) are cheaper as dense parameters. */
const fewestTableRows = 1024

/**
 * Starts the workers and hands each the model, whose weights they share.
 *
 * @throws DriftlineError `BACKEND_UNAVAILABLE`, `MODEL_INVALID`, `OPERATOR_UNSUPPORTED`, `TRAINING_MEMORY`
 */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { model, trainable, output = 'logits', backend = 'auto', workers = 1, loss = {}, optimiser = {} } = options
  options.signal?.throwIfAborted()
  if (backendFor(backend) === 'tensorflow') quietTensorflow()
  const layout = layoutOf(model, trainable, optimiser.decays, options.tableRows ?? fewestTableRows)
  const threads = Math.max(1, workers)
  const state = sharedState(layout, threads)
  const shared = shareModel(model, layout, state)
  const setups = Array.from(
    { length: threads },
    (_, index): ShardSetup => ({
      model: shared,
      inputs: options.inputs,
      output,
      backend,
      state,
      options: { index, workers: threads, layout, loss, optimiser },
    }),
  )
  const started = await Promise.allSettled(setups.map(workers === 0 ? localMember : threadMember))
  const members = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = started.find((result) => result.status === 'rejected')
  const first = members[0]
  if (failed !== undefined || first === undefined) {
    await Promise.all(members.map(({ member }) => member.close()))
    throw failed?.reason
  }
  return new ParallelTrainer(
    options,
    first.backend,
    members.map(({ member }) => member),
    setups,
  )
}

class ParallelTrainer implements Trainer {
  readonly backend: BackendName
  readonly workers: number
  readonly #options: TrainerOptions
  readonly #members: readonly Member[]
  readonly #layout: ShardSetup['options']['layout']
  #state: ShardSetup['state']
  #steps = 0
  #lastLoss: number | undefined
  #busy = false

  constructor(
    options: TrainerOptions,
    backend: BackendName,
    members: readonly Member[],
    [setup]: readonly ShardSetup[],
  ) {
    if (setup === undefined) throw new Error('no worker')
    this.backend = backend
    this.workers = options.workers ?? 1
    this.#options = options
    this.#members = members
    this.#layout = setup.options.layout
    this.#state = setup.state
  }

  step(batch: Batch, learningRate: number): Promise<StepResult> {
    return this.#alone(() => this.#step(batch, learningRate))
  }

  async #step(batch: Batch, learningRate: number): Promise<StepResult> {
    const { signal, loss: lossOptions = {} } = this.#options
    signal?.throwIfAborted()
    const totals = lossTotals(batch, lossOptions)
    const parts = splitRows(rowsOf(batch.feeds), this.#members.length)
    const requests = this.#members.map((_, index): Request => {
      const [from, to] = parts[index] ?? [0, 0]
      const part = from === to ? undefined : sliceBatch(batch, from, to)
      return { kind: 'step', task: { batch: part, totals, learningRate, step: this.#steps + 1 } }
    })
    const cancel = (): void => void Atomics.store(this.#state.cancelled, 0, 1)
    signal?.addEventListener('abort', cancel)
    try {
      return this.#finish(await this.#attempt(requests), learningRate)
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Repeats a step whose rows did not fit: the buffers then have room, so it happens a few times in a training. */
  async #attempt(requests: readonly Request[]): Promise<StepResult> {
    for (;;) {
      const [answer] = await this.#askEach(requests)
      if (answer === undefined || answer instanceof Float32Array) throw new Error('a step without a result')
      switch (answer.outcome) {
        case 'done':
          return answer
        case 'cancelled':
          throw this.#options.signal?.reason ?? new Error('cancelled without a signal')
        case 'failed':
          throw new Error('a worker failed without an error')
        case 'overflow':
          this.#state = grown(this.#state, this.#layout)
          await this.#askAll({ kind: 'state', state: this.#state })
      }
    }
  }

  #finish({ loss, gradientNorm }: StepResult, learningRate: number): StepResult {
    const step = this.#steps + 1
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      const details = { step, loss: String(loss), gradientNorm: String(gradientNorm), lastFiniteLoss: this.#lastLoss }
      throw new DriftlineError('TRAINING_DIVERGED', details)
    }
    const { weightDecay = 0.01, unusedRows = 'exact' } = this.#options.optimiser ?? {}
    for (const [index, { decays }] of this.#layout.tables.entries()) {
      if (!decays || unusedRows === 'lazy') continue
      this.#state.missedDecay[index] = (this.#state.missedDecay[index] ?? 1) * (1 - learningRate * weightDecay)
    }
    this.#steps = step
    this.#lastLoss = loss
    return { loss, gradientNorm }
  }

  evaluate(feeds: Feeds): Promise<Float32Array> {
    return this.#alone(async () => {
      const requests = splitRows(rowsOf(feeds), this.#members.length).map(
        ([from, to]): Request => ({ kind: 'logits', feeds: sliceFeeds(feeds, from, to) }),
      )
      const parts = (await this.#askEach(requests)).map((part) => {
        if (!(part instanceof Float32Array)) throw new Error('logits expected')
        return part
      })
      const logits = new Float32Array(parts.reduce((length, part) => length + part.length, 0))
      let offset = 0
      for (const part of parts) {
        logits.set(part, offset)
        offset += part.length
      }
      return logits
    })
  }

  parameters(): ReadonlyMap<string, Float32Array> {
    const { dense, tables } = this.#layout
    const copy = ({ offset, length }: Entry): Float32Array =>
      new Float32Array(this.#state.weights.subarray(offset, offset + length))
    const parameters = new Map(dense.map((entry) => [entry.name, copy(entry)]))
    for (const [index, entry] of tables.entries()) {
      const values = copy(entry)
      this.#scaleSleeping(values, index, this.#state.missedDecay[index] ?? 1)
      parameters.set(entry.name, values)
    }
    return new Map(this.#options.trainable.map((name) => [name, parameters.get(name) ?? new Float32Array(0)]))
  }

  restore(parameters: ReadonlyMap<string, Float32Array>): void {
    const put = ({ name, offset, length }: Entry, change: (values: Float32Array) => Float32Array): void => {
      const values = parameters.get(name)
      if (values === undefined) return
      if (values.length !== length) throw new Error(`${name} has ${length} values, not ${values.length}`)
      this.#state.weights.set(change(values), offset)
    }
    for (const entry of this.#layout.dense) put(entry, (values) => values)
    for (const [index, entry] of this.#layout.tables.entries()) {
      put(entry, (values) => this.#scaleSleeping(values.slice(), index, 1 / (this.#state.missedDecay[index] ?? 1)))
    }
    this.#restored = true
  }
  #restored = false

  /** Rows asleep are stored without the decay they missed. */
  #scaleSleeping(values: Float32Array, table: number, factor: number): Float32Array {
    if (factor === 1) return values
    const awake = this.#state.awake[table]
    const width = this.#layout.tables[table]?.dims[1] ?? 0
    for (const [index, value] of values.entries()) {
      if (awake?.[Math.floor(index / width)] !== 1) values[index] = value * factor
    }
    return values
  }

  /** Each member its own request; all have answered, or failed, before this returns. */
  async #askEach(requests: readonly Request[]): Promise<readonly Answer[]> {
    const asked = requests.map((request, index) => (this.#members[index] as Member).ask(request))
    const crashed = Promise.all(asked).catch(async (error: unknown) => {
      if (!(error instanceof DriftlineError) || error.code !== 'TRAINING_FAILED') return
      await this.close() // the others would wait for the dead one for ever
    })
    const answers = await Promise.allSettled(asked)
    await crashed
    return answers.map((answer) => {
      if (answer.status === 'rejected') throw answer.reason
      return answer.value
    })
  }

  #askAll = (request: Request): Promise<readonly Answer[]> => this.#askEach(this.#members.map(() => request))

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) throw new Error('one step or evaluation at a time')
    this.#busy = true
    try {
      if (this.#restored) await this.#askAll({ kind: 'invalidate' })
      this.#restored = false
      return await work()
    } finally {
      this.#busy = false
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.close()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
