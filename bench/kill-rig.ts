import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { storeClient } from '../clickhouse/client.ts'
import { systemClock } from '../core/clock.ts'
import { loadConfig } from '../core/config.ts'
import { readStatuses } from '../core/status.ts'
import { type Answer, answerOf, childrenOf, end, isGone, startLogged } from './processes.ts'
import { until } from './until.ts'

export type Part = 'score' | 'store' | 'ingest' | 'up'

/** `driftline up` on the demo source in a folder of its own, with handles to kill its parts. Linux only: it reads /proc. */
export class Rig {
  readonly #folder: string
  readonly #env: NodeJS.ProcessEnv
  readonly #rate: number
  #up: ChildProcess | undefined

  constructor(folder: string, options: { rate: number; control: boolean }) {
    this.#folder = folder
    this.#rate = options.rate
    this.#env = {
      ...process.env,
      DRIFTLINE_DATA: join(folder, 'data'),
      DRIFTLINE_PORT: '0',
      DRIFTLINE_STORE_PORT: '0',
      ...(options.control ? { DRIFTLINE_DANGEROUSLY_UNGUARDED: 'true' } : {}),
    }
  }

  get data(): string {
    return join(this.#folder, 'data')
  }

  start(): void {
    const args = ['up', '--source', 'demo', '--demo-rate', String(this.#rate)]
    this.#up = startLogged(args, this.#env, join(this.#folder, 'up.log'))
  }

  /** SIGKILL. A killed `up` is started again, as an init system would; the others are its own to restart. */
  async kill(part: Part): Promise<void> {
    const pid = await this.pid(part)
    if (pid !== undefined) send(pid, 'SIGKILL')
    if (part !== 'up' || this.#up === undefined) return
    if (this.#up.exitCode === null && this.#up.signalCode === null) await once(this.#up, 'exit')
    this.start()
  }

  /** The process of a part, or `undefined` while there is none. */
  async pid(part: Part): Promise<number | undefined> {
    const up = this.#up?.pid
    if (part === 'up' || up === undefined) return up
    const verb = childrenOf(up).find(({ args }) => args[2] === part)?.pid
    if (part !== 'store' || verb === undefined) return verb
    return childrenOf(verb)[0]?.pid // the engine has a process of its own below the verb
  }

  /** Waits until the score job works and ClickHouse answers. */
  async healthy(): Promise<void> {
    await until('a healthy pipeline', async () => (await this.scoring()) && (await this.answering()))
  }

  /** True while the score job that runs now has resumed and works. */
  async scoring(): Promise<boolean> {
    const pid = await this.pid('score')
    const file = (await readStatuses(this.data, systemClock.now())).find(({ job }) => job === 'score')
    return pid !== undefined && file?.status?.pid === pid && file.answering && file.status.state === 'ok'
  }

  /** True while ClickHouse answers queries. */
  async answering(): Promise<boolean> {
    return this.query('SELECT 1').then(
      () => true,
      () => false,
    )
  }

  /** Waits for another process in the place of the killed one. */
  async reborn(part: Part, before: number | undefined): Promise<void> {
    const other = async () => {
      const pid = await this.pid(part)
      return pid !== undefined && pid !== before
    }
    await until(`a new ${part}`, other)
  }

  /** Polls until ClickHouse executes an insert into scores; false when none was seen within 5 s. */
  async untilInserting(): Promise<boolean> {
    const deadline = systemClock.now() + 5000
    while (systemClock.now() < deadline) {
      const running = await this.query<{ n: string }>(
        `SELECT count() AS n FROM system.processes WHERE query_kind = 'Insert'`,
      ).catch(() => [])
      if (Number(running[0]?.n ?? 0) > 0) return true
    }
    return false
  }

  /**
   * Stops ClickHouse's process (SIGSTOP) for long enough that each busy partition has an insert sent and unanswered.
   *
   * @returns whether the score job was at work when it froze, and how to let that very process go on
   */
  async freezeStore(): Promise<{ working: boolean; thaw: () => void }> {
    const working = await this.scoring()
    const pid = await this.pid('store')
    if (pid === undefined) return { working: false, thaw: () => undefined }
    send(pid, 'SIGSTOP')
    await systemClock.sleep(300)
    return { working, thaw: () => send(pid, 'SIGCONT') }
  }

  /** Ends everything in order and returns when the last process is gone. */
  async stop(): Promise<void> {
    await end(this.#up)
  }

  /** Runs a verb to its end and returns its exit code and output. */
  driftline(...args: readonly string[]): Promise<Answer> {
    return answerOf(args, this.#env)
  }

  async query<Row>(sql: string): Promise<Row[]> {
    const { config } = loadConfig({ data: this.data }, {})
    const client: ClickHouseClient = storeClient(config) // which waits for nothing: a store that recovers does not answer
    try {
      return await (
        await client.query({ query: sql, format: 'JSONEachRow', abort_signal: AbortSignal.timeout(2000) })
      ).json<Row>()
    } finally {
      await client.close()
    }
  }
}

/** A process that is gone already needs no signal: its address file may outlive it. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
