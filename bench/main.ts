import { messageOf } from '../core/errors.ts'
import { WrongUse } from './frame.ts'

process.env.ORT_DISABLE_TELEMETRY ??= '1' // as bin/driftline.js

interface Bench {
  /** What it measures, in a line. */
  readonly summary: string
  /** Returns the exit code: 0 measured, 1 a claim did not hold, 2 wrong use. `--help` is its own. */
  run(args: readonly string[]): Promise<number>
}

/** Every measured claim, by name: `npm run bench -- <name> [options]`. */
const benches: Readonly<Record<string, Bench>> = {
  inference: {
    summary: 'posts/s of normaliser, tokenizer, model runs and the whole scorer, by threads',
    run: async (args) => (await import('./inference.ts')).inference(args),
  },
  pipeline: {
    summary: 'file → log → score → rows on real processes: posts/s, CPU, latency and memory, by model and workers',
    run: async (args) => (await import('./pipeline.ts')).pipeline(args),
  },
  'insert-cost': {
    summary: 'processor time of the embedded ClickHouse for each small insert of a live stream, merges included',
    run: async (args) => (await import('./insert-cost.ts')).insertCost(args),
  },
  train: {
    summary: 'a fine-tuning step on wasm, by encoder, length and workers, beside PyTorch; memory',
    run: async (args) => (await import('./train.ts')).train(args),
  },
  swap: {
    summary: 'the model swapped again and again under load: nothing lost or doubled, latency, pauses and memory',
    run: async (args) => (await import('./swap.ts')).swap(args),
  },
  'drift-cbpe': {
    summary: 'accuracy estimated without labels against the truth, on labelled posts whose mix is shifted',
    run: async (args) => (await import('./drift-cbpe.ts')).driftCbpe(args),
  },
  'drift-null': {
    summary: 'false alarms of the drift check in windows without a change, against the promised budget',
    run: async (args) => (await import('./drift-null.ts')).driftNull(args),
  },
  hostile: {
    summary: 'hostile model directories, tried by publication and put before a running job: refused, and none scores',
    run: async (args) => (await import('./hostile.ts')).hostile(args),
  },
  'drift-power': {
    summary: 'how soon each kind of change is noticed, beside Evidently and NannyML on the same windows',
    run: async (args) => (await import('./drift-power.ts')).driftPower(args),
  },
  kafka: {
    summary: 'a million records through Kafka by each client: ours, kafkajs, others that are installed, and the tools',
    run: async (args) => (await import('./kafka.ts')).kafka(args),
  },
  'kafka-pipeline': {
    summary: 'file to last row through Kafka with 1, 2 and 4 score processes, beside the embedded log',
    run: async (args) => (await import('./kafka-pipeline.ts')).kafkaPipeline(args),
  },
  'kafka-faults': {
    summary: 'brokers, processes and ClickHouse killed, frozen and moved under load on Kafka: nothing lost or doubled',
    run: async (args) => (await import('./kafka-faults.ts')).kafkaFaults(args),
  },
  'registry-kill': {
    summary:
      'SIGKILL while processes publish, promote and collect: the registry is whole, and no alias points to nothing',
    run: async (args) => (await import('./registry-kill.ts')).registryKill(args),
  },
  kill: {
    summary: 'SIGKILL at random moments under load: nothing lost, nothing doubled, aggregates equal to rows',
    run: async (args) => (await import('./kill.ts')).kill(args),
  },
  'drift-kill': {
    summary: 'a drift job killed in check, retraining, gating and promotion: the loop completes, nothing is half done',
    run: async (args) => (await import('./drift-kill.ts')).driftKill(args),
  },
}

const [name = '', ...args] = process.argv.slice(2)
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined
if (bench === undefined) {
  const width = Math.max(...Object.keys(benches).map((known) => known.length))
  const lines = Object.entries(benches).map(([known, { summary }]) => `  ${known.padEnd(width)}  ${summary}`)
  process.stderr.write(`usage: npm run bench -- <name> [options]\n${lines.join('\n')}\n`)
  process.exitCode = name === '' || name === '--help' ? 0 : 2
} else {
  try {
    process.exitCode = await bench.run(args)
  } catch (error) {
    const isWrongUse = error instanceof WrongUse
    const stack = isWrongUse || !(error instanceof Error) ? '' : `${error.stack ?? ''}\n`
    process.stderr.write(`bench ${name}: ${messageOf(error)}\n${stack}`)
    process.exitCode = isWrongUse ? 2 : 1
  }
}
