import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { type KafkaVersion, runJava } from '../test/kafka/classpath.ts'
import type { Load } from './kafka-clients.ts'

const run = promisify(execFile)

/** Where the peers write and what. */
export interface PeerRun {
  readonly brokers: string
  readonly topic: string
  readonly partitions: number
  readonly load: Load
  /** For files, removed afterwards. */
  readonly folder: string
}

/** Seconds that a client took to write and to read the load, of which it could be told without its start. */
export interface PeerTimes {
  readonly client: string
  readonly produceSeconds: number
  readonly consumeSeconds: number
}

const Package = z.object({ version: z.string() })
const PlatformaticTimes = z.object({ node: z.string(), produceSeconds: z.number(), consumeSeconds: z.number() })

/** @param installed folder with `@platformatic/kafka` in its `node_modules`, and there the `node` package where it needs another one */
export async function platformatic(installed: string, { brokers, topic, load, folder }: PeerRun): Promise<PeerTimes> {
  const modules = join(installed, 'node_modules')
  const ownNode = join(modules, '.bin/node')
  const { version } = Package.parse(JSON.parse(readFileSync(join(modules, '@platformatic/kafka/package.json'), 'utf8')))
  const valuesFile = join(folder, 'values.json')
  await writeFile(valuesFile, JSON.stringify(load.values))
  const script = join(packageRoot, 'bench/peers/platformatic-kafka.mjs')
  const args = [script, installed, brokers, topic, String(load.count), valuesFile]
  const { stdout } = await run(existsSync(ownNode) ? ownNode : process.execPath, args)
  const { node, ...times } = PlatformaticTimes.parse(JSON.parse(stdout))
  return { client: `@platformatic/kafka ${version}, Node ${node}`, ...times }
}

/** librdkafka's own tool, which is built from `examples/` of its sources. It repeats one value. */
export async function rdkafkaPerformance(tool: string, { brokers, topic, partitions, load }: PeerRun) {
  const common = ['-b', brokers, '-t', topic, '-c', String(load.count)]
  const settings = ['acks=-1', 'enable.idempotence=true', 'linger.ms=20', 'queue.buffering.max.messages=1000000']
  const size = String(load.values[0]?.length ?? 0)
  const producer = ['-P', ...common, '-s', size, '-m', load.values[0] ?? '', '-z', 'lz4']
  const produced = await run(tool, [...producer, ...settings.flatMap((setting) => ['-X', setting])])
  const assigned = Array.from({ length: partitions }, (_, partition) => ['-p', String(partition)]).flat()
  const consumed = await run(tool, ['-C', ...common, ...assigned, '-o', 'beginning'], { maxBuffer: 1 << 26 })
  const seconds = ({ stdout, stderr }: { stdout: string; stderr: string }) =>
    Number([...`${stdout}${stderr}`.matchAll(/in (\d+)ms/g)].at(-1)?.[1] ?? Number.NaN) / 1000
  return { client: 'rdkafka_performance', produceSeconds: seconds(produced), consumeSeconds: seconds(consumed) }
}

/** kcat as a person would use it: lines of a file in, lines out. Its start counts. */
export async function kcat({ brokers, topic, load, folder }: PeerRun): Promise<PeerTimes> {
  const file = join(folder, 'lines.tsv')
  const line = (index: number) => `post-${index}\t${load.values[index % load.values.length]}\n`
  await writeFile(
    file,
    (function* () {
      for (let index = 0; index < load.count; index++) yield line(index)
    })(),
  )
  const producer = ['-P', '-b', brokers, '-t', topic, '-K', '\t', '-z', 'lz4', '-l', file]
  const settings = ['-X', 'acks=-1', '-X', 'enable.idempotence=true', '-X', 'linger.ms=20']
  const produceSeconds = await timedRun('kcat', [...producer, ...settings])
  const consumeSeconds = await timedRun('kcat', ['-C', '-b', brokers, '-t', topic, '-o', 'beginning', '-e', '-q'])
  return { client: 'kcat', produceSeconds, consumeSeconds }
}

/** Kafka's own tools, without the start of Java. */
export async function javaTools(version: KafkaVersion, { brokers, topic, load, folder }: PeerRun): Promise<PeerTimes> {
  const payloads = join(folder, 'payloads.txt')
  await writeFile(payloads, load.values.join('\n'))
  const properties = ['acks=all', 'linger.ms=20', 'batch.size=524288', 'compression.type=lz4']
  const tool = 'org.apache.kafka.tools'
  const produced = await runJava(version, `${tool}.ProducerPerformance`, [
    ...['--topic', topic, '--num-records', String(load.count), '--payload-file', payloads, '--throughput', '-1'],
    ...['--producer-props', `bootstrap.servers=${brokers}`, ...properties],
  ])
  const rate = Number([...produced.matchAll(/([\d.]+) records\/sec/g)].at(-1)?.[1] ?? Number.NaN)
  const consumed = await runJava(version, `${tool}.ConsumerPerformance`, [
    ...['--bootstrap-server', brokers, '--topic', topic],
    ...['--messages', String(load.count), '--timeout', '60000'],
  ])
  // start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, …
  const consumedRate = Number(consumed.trimEnd().split('\n').at(-1)?.split(', ')[5] ?? Number.NaN)
  return {
    client: 'Kafka’s perf-test tools',
    produceSeconds: load.count / rate,
    consumeSeconds: load.count / consumedRate,
  }
}

async function timedRun(command: string, args: readonly string[]): Promise<number> {
  const startedMs = performance.now()
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${command} ended with ${code}`)
  return (performance.now() - startedMs) / 1000
}
