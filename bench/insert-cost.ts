import type { ClickHouseClient } from '@clickhouse/client'
import { storeClient } from '../clickhouse/client.ts'
import { startStoreProcess } from '../clickhouse/embedded/start.ts'
import { insertGuarded } from '../clickhouse/insert-guarded.ts'
import { scoreRows } from '../clickhouse/testing/score-rows.ts'
import { systemClock } from '../core/clock.ts'
import { loadConfig } from '../core/config.ts'
import { inTemporaryFolder, readOptions } from './frame.ts'
import { machine } from './machine.ts'
import { usageOf } from './processes.ts'
import { syntheticPosts } from './synthetic-posts.ts'

const usage = `npm run bench -- insert-cost [options]
  --rate <n>        guarded inserts a second, over 4 partitions (default 80)
  --rows <n>        of each insert (default 30)
  --seconds <n>     of each round (default 10)
  --rounds <n>      after one that warms up (default 5)`

const partitions = 4

/** Processor time of the embedded ClickHouse for each small guarded insert of a live stream, merges included. Linux only. */
export async function insertCost(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, { rate: 80, rows: 30, seconds: 10, rounds: 5 })
  if (options === undefined) return 0
  const { rate, rows, seconds, rounds } = options
  return inTemporaryFolder(async (data) => {
    const { config } = loadConfig({ data, storePort: 0 }, {}, data)
    const { database } = config
    await using store = await startStoreProcess({ data, port: 0, anyPort: true, database, logLevel: 'silent' })
    const stream = new Stream(storeClient(config), rows)
    process.stdout.write(`${machine()}; bench insert-cost ${args.join(' ')}; CPU of the store in ms an insert\n`)
    const costs: number[] = []
    for (let round = 0; round <= rounds; round++) {
      const [before, startedMs] = [usedBy(store.pid), performance.now()]
      const waitedMs = await stream.run(rate, seconds * 1000)
      const [after, tookS] = [usedBy(store.pid), (performance.now() - startedMs) / 1000]
      const each = (used: number) => ((used * 1000) / waitedMs.length).toFixed(1)
      const cpu = after.cpuSeconds - before.cpuSeconds
      const name = round === 0 ? 'warm-up' : `round ${round}`
      const median = waitedMs.sort((a, b) => a - b)[waitedMs.length >> 1] ?? Number.NaN
      process.stdout.write(
        `${name}: ${each(cpu)} ms, ${each(after.kernelSeconds - before.kernelSeconds)} of them in the kernel; ` +
          `${(waitedMs.length / tookS).toFixed(0)} inserts/s, ${(cpu / tookS).toFixed(2)} cores, p50 ${median.toFixed(0)} ms\n`,
      )
      if (round > 0) costs.push(Number(each(cpu)))
    }
    process.stdout.write(`median ${costs.sort((a, b) => a - b)[costs.length >> 1]} ms\n`)
    await stream.close()
    return 0
  })
}

/** Rows of several partitions, each inserted in turn at a steady rate. */
class Stream {
  readonly #client: ClickHouseClient
  readonly #rows: number
  readonly #texts = syntheticPosts(10_000, 1)
  readonly #next = Array.from({ length: partitions }, () => 0)

  constructor(client: ClickHouseClient, rows: number) {
    this.#client = client
    this.#rows = rows
  }

  /** How long each insert of `forMs` took. */
  async run(rate: number, forMs: number): Promise<number[]> {
    const startedMs = performance.now()
    const periodMs = (1000 * partitions) / rate
    const tookMs = this.#next.map(async (_, partition) => {
      const took: number[] = []
      for (let due = startedMs + (partition * periodMs) / partitions; due < startedMs + forMs; due += periodMs) {
        await systemClock.sleep(Math.max(0, due - performance.now()))
        took.push(await this.#insert(partition))
        due = Math.max(due, performance.now() - periodMs) // one that was late is not made up for
      }
      return took
    })
    return (await Promise.all(tookMs)).flat()
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #insert(partition: number): Promise<number> {
    const first = this.#next[partition] ?? 0
    this.#next[partition] = first + this.#rows
    const now = systemClock.now()
    const rows = scoreRows(first, this.#rows, partition).map((row) => ({
      ...row,
      ...{ event_at: now - 60, ingested_at: now - 58, scored_at: now },
      text: this.#texts[(row.offset * partitions + partition) % this.#texts.length] ?? '',
    }))
    const startedMs = performance.now()
    await insertGuarded(this.#client, 'scores', { topic: 'posts', topicId: 'T', partition }, rows)
    return performance.now() - startedMs
  }
}

function usedBy(pid: number) {
  const used = usageOf(pid)
  if (used === undefined) throw new Error('the store has ended')
  return used
}
