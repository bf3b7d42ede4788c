import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { builtModule } from '../core/package-root.ts'
import { canRaisePriority } from '../core/thread-priority.ts'
import type { FromWorker, StopFlag, ThreadData, ToWorker, WorkerInput } from './protocol.ts'
import type { StartThread, Thread, ThreadListener } from './thread.ts'
import { warmUpRounds } from './warm-up.ts'

export interface StartOptions {
  /** Whether a thread that is given the model now begins with a low priority. */
  readonly isLow?: () => boolean
  /** Whether a thread scores made-up posts first, until its code is compiled. */
  readonly warm?: boolean
}

/**
 * The threads that score, whatever model they score with. One that has let go of its model rests, and is the first to get
 * another: its code is compiled already. With the bundled model, three threads take 0.1 s of processor time then, and 0.8 s
 * when they are new. So what a swap takes from posts is least when it matters: in a rollback, and when challengers follow each other.
 */
export class Crew implements AsyncDisposable {
  readonly #mostResting: number
  readonly #resting: Member[] = []
  #disposed = false

  /** @param mostResting threads that are kept when they have no model, each of which holds some 25 MB; the others end */
  constructor(mostResting = 0) {
    this.#mostResting = mostResting
  }

  /** Threads without a model. */
  get resting(): number {
    return this.#resting.length
  }

  /** Gives threads this model. */
  starter(input: WorkerInput, { isLow = () => false, warm = false }: StartOptions = {}): StartThread {
    return (listener) => {
      const low = isLow()
      const member = this.#resting.pop() ?? this.#start(low)
      return member.give(input, listener, low, warm)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    await Promise.all(this.#resting.splice(0).map((member) => member.retire()))
  }

  #start(low: boolean): Member {
    const member = new Member(low, {
      mayRest: () => !this.#disposed && this.#resting.length < this.#mostResting,
      onRest: () => this.#resting.push(member),
      onGone: () => this.#takeOut(member),
    })
    return member
  }

  #takeOut(member: Member): void {
    const at = this.#resting.indexOf(member)
    if (at >= 0) this.#resting.splice(at, 1)
  }
}

interface Crewing {
  readonly mayRest: () => boolean
  readonly onRest: () => void
  readonly onGone: () => void
}

/**
 * Of a thread's young objects, in MB; V8 uses three of these. Three threads hold 100 MB less than with its default of 16, and the garbage
 * of short texts costs 1 % more time; with 1 it costs 7 %.
 */
const semiSpaceMb = 4

/** A thread of the system, which has one model after another. */
class Member {
  readonly #flag: StopFlag = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker
  /** Of the pool whose model it has. */
  #listener: ThreadListener | undefined
  #low: boolean
  /** Texts given to it, in chunks: once there were enough, its code is compiled. */
  #chunks = 0
  readonly #crew: Crewing

  constructor(low: boolean, crew: Crewing) {
    this.#low = low
    this.#crew = crew
    const workerData: ThreadData = { flag: this.#flag, low }
    // From the start: V8 would begin with a quarter of it, collect more often, and grow over the first hundred swaps.
    setFlagsFromString(`--min-semi-space-size=${semiSpaceMb}`)
    this.#worker = new Worker(builtModule(import.meta.url, './worker'), {
      workerData,
      name: 'driftline-inference',
      resourceLimits: { maxYoungGenerationSizeMb: 3 * semiSpaceMb },
    })
    let failure: string | undefined
    this.#worker.on('error', (error: Error) => {
      failure = error.message
    })
    this.#worker.on('message', (message: FromWorker) => {
      if (message.kind !== 'unloaded') return this.#listener?.onMessage(message)
      this.#tellExit('the thread has let go of the model')
      if (this.#mayRest) crew.onRest()
      else this.stop()
    })
    this.#worker.on('exit', (code) => {
      crew.onGone()
      this.#tellExit(failure ?? `the thread ended with code ${code}`)
    })
  }

  /** A thread whose priority cannot be raised again may be of no use to its next model. */
  get #mayRest(): boolean {
    return this.#crew.mayRest() && (!this.#low || canRaisePriority())
  }

  give(input: WorkerInput, listener: ThreadListener, low: boolean, warm: boolean): Thread {
    this.#listener = listener
    this.#low = low
    Atomics.store(this.#flag, 0, 0)
    this.#worker.ref()
    const isWarm = this.#chunks >= warmUpRounds.first
    const rounds = warm ? warmUpRounds[isWarm ? 'again' : 'first'] : 0
    this.#chunks += rounds
    this.#send({ kind: 'load', input, low, rounds })
    return {
      score: (texts) => {
        this.#chunks++
        this.#send({ kind: 'score', texts })
      },
      setPriority: (lowNow) => {
        this.#low = lowNow
        this.#send({ kind: 'priority', low: lowNow })
      },
      release: () => this.#end(this.#mayRest ? 'unload' : 'close'),
      stop: () => this.stop(),
    }
  }

  stop(): void {
    this.#end('close')
  }

  /** Ends a thread that rests, and waits for it. */
  async retire(): Promise<void> {
    const gone = once(this.#worker, 'exit')
    this.stop()
    this.#worker.ref() // whoever waits has the process wait
    await gone
  }

  #end(kind: 'unload' | 'close'): void {
    Atomics.store(this.#flag, 0, 1)
    this.#send({ kind })
    this.#worker.unref()
  }

  #tellExit(reason: string): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.onExit(reason)
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message)
  }
}
