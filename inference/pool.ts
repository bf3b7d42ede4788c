import type { Clock } from '../core/clock.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { FromWorker } from './protocol.ts'
import { fillScored } from './scored.ts'
import type { Scored } from './scorer.ts'
import type { StartThread, Thread, ThreadListener } from './thread.ts'

export interface PoolOptions {
  readonly start: StartThread
  readonly labels: readonly string[]
  /** A thread that scores one chunk for longer is taken for hung and replaced, in milliseconds. */
  readonly timeLimitMs: number
  readonly clock: Clock
  readonly log: Log
}

export type Ready = Extract<FromWorker, { kind: 'ready' }>

/** Texts of one call that are scored together, `start` being where they stand in it. */
interface Chunk {
  readonly call: Call
  readonly start: number
  readonly texts: readonly string[]
  /** A thread has already died on exactly these texts. */
  readonly suspect: boolean
}

interface Call {
  readonly results: (Scored | DriftlineError)[]
  /** Texts without a result yet. */
  left: number
  readonly resolve: (results: readonly (Scored | DriftlineError)[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * - `starting`: from its start to its `ready`; has no chunks
 * - `ready`: has up to `chunksAhead` chunks, and scores the first
 * - `gone`: let go, ended, or given up as hung; what it still sends is ignored
 */
interface Member {
  thread: Thread | undefined
  state: 'starting' | 'ready' | 'gone'
  readonly chunks: Chunk[]
  /** Ends the watch over the first chunk. */
  watch: AbortController | undefined
  /** Told when it goes before it was ready. */
  readonly onFailed: (error: unknown) => void
}

/** A second chunk waits at each thread, so that it need not wait for this one between two. */
const chunksAhead = 2
/** Larger chunks sort better by length; this many are enough (measured on tweets, with a budget of 512 tokens). */
const largestChunk = 256
/** A chunk costs some 200 µs whatever is in it, as much as 60 posts of a bag model. */
const smallestChunk = 16

/**
 * Spreads calls over threads. When a thread dies or hangs, it is replaced, and the chunk it was at is tried again in
 * halves, down to the text that kills a thread even alone: that one's result is its error. No call is lost.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #members: Member[] = []
  /** Threads that have not ended yet, but for those given up. */
  readonly #running = new Set<Member>()
  readonly #queue: Chunk[] = []
  readonly #calls = new Set<Call>()
  /** Why no more calls are taken. */
  #closedBy: unknown
  #closing: Promise<void> | undefined
  #onAllEnded = (): void => undefined

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#members.length
  }

  /**
   * Starts one more thread and waits until it has loaded and warmed its model.
   *
   * @throws DriftlineError whatever made it fail: `MODEL_INVALID`, `PROVIDER_UNAVAILABLE`, `INFERENCE_FAILED`
   */
  grow(): Promise<Ready> {
    return new Promise((resolve, reject) => this.#start(resolve, reject))
  }

  score(texts: readonly string[]): Promise<readonly (Scored | DriftlineError)[]> {
    return new Promise((resolve, reject) => {
      if (this.#closedBy !== undefined) return reject(this.#closedBy)
      if (texts.length === 0) return resolve([])
      const call: Call = { results: new Array(texts.length), left: texts.length, resolve, reject }
      this.#calls.add(call)
      const share = Math.ceil(texts.length / Math.max(1, this.size))
      const size = Math.min(largestChunk, Math.max(smallestChunk, share))
      for (let start = 0; start < texts.length; start += size) {
        this.#queue.push({ call, start, texts: texts.slice(start, start + size), suspect: false })
      }
      this.#dispatch()
    })
  }

  /** Of all threads there are; those that replace them begin as `start` says. */
  setPriority(low: boolean): void {
    for (const { thread } of this.#members) thread?.setPriority(low)
  }

  /**
   * Rejects what is not scored yet with `reason`, and lets the threads go, each after the run it is in.
   *
   * @param patienceMs a thread that takes longer is left behind
   */
  close(reason: unknown, patienceMs = 10_000): Promise<void> {
    this.#closing ??= this.#end(reason, patienceMs)
    return this.#closing
  }

  async #end(reason: unknown, patienceMs: number): Promise<void> {
    if (this.#closedBy === undefined) this.#fail(reason)
    for (const member of [...this.#members]) this.#drop(member, reason, 'release')
    if (this.#running.size === 0) return
    const patience = new AbortController()
    this.#onAllEnded = () => patience.abort()
    await this.#options.clock.sleep(patienceMs, patience.signal).catch(() => undefined)
  }

  #fail(reason: unknown): void {
    this.#closedBy = reason
    this.#queue.length = 0
    for (const call of this.#calls) call.reject(reason)
    this.#calls.clear()
  }

  #start(onReady: (ready: Ready) => void, onFailed: (error: unknown) => void): void {
    if (this.#closedBy !== undefined) {
      onFailed(this.#closedBy)
      return
    }
    const member: Member = { thread: undefined, state: 'starting', chunks: [], watch: undefined, onFailed }
    this.#members.push(member)
    this.#running.add(member)
    const onMessage: ThreadListener['onMessage'] = (message) => {
      if (member.state === 'gone') return
      if (message.kind === 'scored') this.#scored(member, message)
      else if (message.kind === 'ready') {
        member.state = 'ready'
        onReady(message)
        this.#dispatch()
      } else this.#drop(member, restore(message))
    }
    const onExit: ThreadListener['onExit'] = (reason) => {
      this.#running.delete(member)
      if (this.#running.size === 0) this.#onAllEnded()
      if (member.state === 'starting') this.#drop(member, new DriftlineError('INFERENCE_FAILED', { reason }))
      else if (member.state === 'ready') this.#lost(member, reason)
    }
    try {
      member.thread = this.#options.start({ onMessage, onExit })
    } catch (error) {
      onExit(`no thread could be started: ${messageOf(error)}`) // as where the system has no more threads to give
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      let idlest: Member | undefined
      for (const member of this.#members) {
        if (member.state === 'ready' && member.chunks.length < (idlest?.chunks.length ?? chunksAhead)) idlest = member
      }
      const chunk = idlest === undefined ? undefined : this.#queue.shift()
      if (idlest === undefined || chunk === undefined) return
      idlest.chunks.push(chunk)
      idlest.thread?.score(chunk.texts)
      if (idlest.chunks.length === 1) this.#watch(idlest)
    }
  }

  #scored(member: Member, { columns }: Extract<FromWorker, { kind: 'scored' }>): void {
    member.watch?.abort()
    const chunk = member.chunks.shift()
    if (chunk !== undefined) {
      fillScored(chunk.call.results, chunk.start, chunk.texts.length, columns, this.#options.labels)
      this.#settle(chunk)
    }
    if (member.chunks.length > 0) this.#watch(member)
    this.#dispatch()
  }

  #settle({ call, texts }: Chunk): void {
    call.left -= texts.length
    if (call.left === 0 && this.#calls.delete(call)) call.resolve(call.results)
  }

  #watch(member: Member): void {
    const watch = new AbortController()
    member.watch = watch
    const { clock, timeLimitMs } = this.#options
    clock.sleep(timeLimitMs, watch.signal).then(
      () => {
        this.#running.delete(member)
        this.#lost(member, `no answer within ${timeLimitMs} ms`)
      },
      () => undefined, // answered in time
    )
  }

  /** A thread that was scoring is gone: replaces it, and tries its chunks again. */
  #lost(member: Member, reason: string): void {
    this.#drop(member, reason)
    const [first, ...others] = member.chunks
    this.#options.log.warn({ reason, posts: first?.texts.length ?? 0 }, 'an inference thread was lost and is replaced')
    this.#queue.unshift(...(first === undefined ? [] : this.#retry(first, reason)), ...others)
    this.#start(
      () => undefined,
      (error) => {
        if (this.#closedBy !== undefined) return
        this.#options.log.error({ err: error }, 'an inference thread could not be replaced')
        if (this.#members.length === 0) this.#fail(error)
      },
    )
    this.#dispatch()
  }

  /** Halves of a chunk; a single text gets a second chance, since what killed its thread may have been something else. */
  #retry(chunk: Chunk, reason: string): Chunk[] {
    const { call, start, texts } = chunk
    if (texts.length > 1) {
      const half = texts.length >> 1
      return [
        { call, start, texts: texts.slice(0, half), suspect: false },
        { call, start: start + half, texts: texts.slice(half), suspect: false },
      ]
    }
    if (!chunk.suspect) return [{ ...chunk, suspect: true }]
    call.results[start] = new DriftlineError('INFERENCE_FAILED', { reason: `it ended the thread twice: ${reason}` })
    this.#settle(chunk)
    return []
  }

  /** @param how whether its thread may go on to another model */
  #drop(member: Member, why: unknown, how: 'release' | 'stop' = 'stop'): void {
    if (member.state === 'gone') return
    const wasStarting = member.state === 'starting'
    member.state = 'gone'
    member.watch?.abort()
    member.thread?.[how]()
    this.#members.splice(this.#members.indexOf(member), 1)
    if (wasStarting) member.onFailed(why)
  }
}

const restore = ({ code, details }: Extract<FromWorker, { kind: 'failed' }>): DriftlineError =>
  new DriftlineError(code ?? 'INFERENCE_FAILED', details)
