import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../core/clock.ts'
import { readStatuses } from '../core/status.ts'
import type { KafkaVersion } from '../test/kafka/classpath.ts'
import { KafkaCluster } from '../test/kafka/cluster.ts'
import { program } from './processes.ts'

/**
 * `driftline up` while its only broker is killed and stays away: every process must live, and say what it waits for.
 *
 * @returns the exit code: 0 when the same processes go on and nothing was lost or doubled
 */
export async function kafkaOutage(version: KafkaVersion, awaySeconds: number, rate: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-outage-'))
  const data = join(folder, 'data')
  const token = randomUUID()
  const cluster = await KafkaCluster.start({ version })
  const env = {
    ...process.env,
    DRIFTLINE_DATA: data,
    DRIFTLINE_STORE_PORT: '0',
    DRIFTLINE_PORT: '0',
    DRIFTLINE_TOKEN: token,
    DRIFTLINE_KAFKA_BROKERS: cluster.addresses(),
  }
  const log = join(folder, 'up.log')
  const output = openSync(log, 'a')
  const up = spawn(process.execPath, [program, 'up', '--source', 'demo', '--demo-rate', String(rate), '--json'], {
    env,
    stdio: ['ignore', output, output],
  })
  const pids = async () =>
    Object.fromEntries((await readStatuses(data, systemClock.now())).map(({ job, status }) => [job, status?.pid]))
  const scored = async () =>
    (await readStatuses(data, systemClock.now())).find(({ job }) => job === 'score')?.status?.counts.scored ?? 0
  const ready = async (url: string) => {
    const answer = await fetch(`${url}/readyz`, { headers: { authorization: `Bearer ${token}` } })
    return { status: answer.status, body: await answer.text() }
  }
  try {
    await until('posts to be scored', async () => (await scored()) > 2 * rate)
    const url = /^{"url":"(http:[^"#?]*?)\/?["#?]/m.exec(await readFile(log, 'utf8'))?.[1] ?? ''
    const before = await pids()
    await cluster.kill()
    await systemClock.sleep(awaySeconds * 1000)
    const statuses = await readStatuses(data, systemClock.now())
    const said = Object.fromEntries(statuses.map(({ job, status }) => [job, `${status?.state}: ${status?.reason}`]))
    const away = await ready(url)
    cluster.startBroker()
    await cluster.ready()
    const [countedAtReturn, returnedMs] = [await scored(), systemClock.now()]
    await until('progress', async () => (await scored()) > countedAtReturn)
    const recoveredSeconds = (systemClock.now() - returnedMs) / 1000
    await until('/readyz', async () => (await ready(url)).status === 200)
    const isSame = JSON.stringify(before) === JSON.stringify(await pids())
    await end(up)
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'verify', '--json'], { env }).catch(
      (error) => error,
    )
    const { ok, gaps, duplicates, appended } = JSON.parse(stdout)
    const report = { awaySeconds, said, readyz: away, isSame, recoveredSeconds, ok, gaps, duplicates, appended }
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
    return ok && isSame && away.status === 503 ? 0 : 1
  } finally {
    await end(up)
    await cluster[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.now() + 180_000
  while (!(await holds())) {
    if (systemClock.now() > deadline) throw new Error(`waited 180 s in vain for ${what}`)
    await systemClock.sleep(100)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
