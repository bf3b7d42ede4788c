import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { readStatuses } from '../core/status.ts'
import type { KafkaVersion } from '../test/kafka/classpath.ts'
import { KafkaCluster } from '../test/kafka/cluster.ts'
import { inTemporaryFolder } from './frame.ts'
import { answerOf, end, startLogged } from './processes.ts'
import { until } from './until.ts'

/**
 * `driftline up` while its only broker is killed and stays away: every process must live, and say what it waits for.
 *
 * @returns the exit code: 0 when the same processes go on and nothing was lost or doubled
 */
export async function kafkaOutage(version: KafkaVersion, awaySeconds: number, rate: number): Promise<number> {
  return inTemporaryFolder(async (folder) => {
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
    const up = startLogged(['up', '--source', 'demo', '--demo-rate', String(rate), '--json'], env, log)
    const pids = async () =>
      Object.fromEntries((await readStatuses(data, systemClock.now())).map(({ job, status }) => [job, status?.pid]))
    const scored = async () =>
      (await readStatuses(data, systemClock.now())).find(({ job }) => job === 'score')?.status?.counts.scored ?? 0
    const ready = async (url: string) => {
      const answer = await fetch(`${url}/readyz`, { headers: { authorization: `Bearer ${token}` } })
      return { status: answer.status, body: await answer.text() }
    }
    try {
      await until('posts to be scored', async () => (await scored()) > 2 * rate, 180_000)
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
      await until('progress', async () => (await scored()) > countedAtReturn, 180_000)
      const recoveredSeconds = (systemClock.now() - returnedMs) / 1000
      await until('/readyz', async () => (await ready(url)).status === 200, 180_000)
      const isSame = JSON.stringify(before) === JSON.stringify(await pids())
      await end(up)
      const { stdout } = await answerOf(['verify', '--json'], env)
      const { ok, gaps, duplicates, appended } = JSON.parse(stdout)
      const report = { awaySeconds, said, readyz: away, isSame, recoveredSeconds, ok, gaps, duplicates, appended }
      process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
      return ok && isSame && away.status === 503 ? 0 : 1
    } finally {
      await end(up)
      await cluster[Symbol.asyncDispose]()
    }
  })
}
