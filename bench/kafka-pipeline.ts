import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { kafkaVersions } from '../test/kafka/classpath.ts'
import { KafkaCluster } from '../test/kafka/cluster.ts'
import { inTemporaryFolder, list, numbers, oneOf, readOptions } from './frame.ts'
import { machine } from './machine.ts'
import { modelsNamed, type NamedModel } from './make-model.ts'
import { Rig } from './pipeline-rig.ts'
import { usageOf } from './processes.ts'

const usage = `npm run bench -- kafka-pipeline [options]
  --posts <n>         in the file that is ingested while score processes run (default 1000000)
  --models <list>     of bag, encoder (2 × 128, int8), bundled, and model directories (default bag)
  --processes <list>  score processes that share the Kafka topic (default 1,2,4)
  --version <v>       of Kafka: ${kafkaVersions.join(', ')} (default the newest)`

/** File to last row with the embedded log and with one Kafka broker, everything on this machine. Linux only. */
export async function kafkaPipeline(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    posts: 1_000_000,
    models: 'bag',
    processes: '1,2,4',
    version: kafkaVersions.at(-1) ?? '',
  })
  if (options === undefined) return 0
  const { posts } = options
  const version = oneOf(options.version, kafkaVersions)
  const counts = numbers(options.processes)
  return inTemporaryFolder(async (folder) => {
    const measure = async (log: string, rig: Rig, { name, path }: NamedModel, processes: number, broker?: number) => {
      const workers = workersOf(processes)
      const topic = `bench-${++topics}`
      const brokerCpuSeconds = () => (broker === undefined ? 0 : (usageOf(broker)?.cpuSeconds ?? Number.NaN))
      const before = brokerCpuSeconds()
      const run = await rig.follow(topic, { model: path, workers }, ['file', file], processes)
      const brokerCores = (brokerCpuSeconds() - before) / run.seconds
      if (run.posts !== posts) throw new Error(`${run.posts} of ${posts} posts have rows`)
      const cells = [
        name.slice(-10),
        log,
        processes,
        workers,
        Math.round(run.posts / run.seconds).toLocaleString('en-US'),
      ]
      const cores = [run.scoreCores, run.storeCores, brokerCores].map((used) => used.toFixed(1))
      process.stdout.write(`${line([...cells, ...cores])}\n`)
    }
    const embedded = new Rig(join(folder, 'embedded'))
    let file = ''
    let topics = 0
    try {
      const models = await modelsNamed(list(options.models), folder)
      await embedded.start()
      file = await embedded.writePosts(posts)
      const bytes = Math.round((await stat(file)).size / posts)
      process.stdout.write(`${machine()}; bench kafka-pipeline ${args.join(' ')}; Kafka ${version}, one broker\n`)
      process.stdout.write(
        `${posts} posts of ${bytes} bytes of JSON, file to last row, ingest and score at once; cores used by score, store, broker\n`,
      )
      process.stdout.write(`${line(['model', 'log', 'processes', 'threads', 'posts/s', 'score', 'store', 'broker'])}\n`)
      for (const model of models) await measure('embedded', embedded, model, 1)
      await embedded.stop()
      await using cluster = await KafkaCluster.start({ version })
      const kafka = new Rig(join(folder, 'kafka'), cluster.addresses())
      try {
        await kafka.start()
        for (const model of models) {
          for (const processes of counts) await measure('Kafka', kafka, model, processes, cluster.pid())
        }
      } finally {
        await kafka.stop()
      }
      return 0
    } finally {
      await embedded.stop()
    }
  })
}

/** Inference threads of each process: about as many in all as there are cores beside its main thread. */
const workersOf = (processes: number): number => Math.max(1, Math.round((availableParallelism() - 1) / processes))

const line = (cells: readonly (string | number)[]): string =>
  cells.map((cell, column) => (column < 2 ? String(cell).padEnd(11) : String(cell).padStart(10))).join('')
