import { constants } from 'node:fs'
import { access, mkdir, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { freemem } from 'node:os'
import type { ClickHouseClient } from '@clickhouse/client'
import { openEventLog } from '../connectors/open-log.ts'
import { systemClock } from '../core/clock.ts'
import { shown } from '../core/config.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { readStatuses } from '../core/status.ts'
import { createScorer } from '../inference/create-scorer.ts'
import { loadModel } from '../models/load-model.ts'
import { variantFiles } from '../models/variants.ts'
import { type Context, runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'
import { withStore } from './with-store.ts'

interface Finding {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  /** What to do, when it is not ok. */
  readonly hint?: string
}

const leastFreeDiskMb = 1024
const leastFreeMemoryMb = 1024

/** Tries each part that the main job needs, for real, and says what is missing. */
export const doctorCommand = () =>
  verb('doctor', 'try each part on this machine and say what is missing')
    .option('--model <model>', 'name in the registry, name@version, `bundled` or a model directory')
    .option('--device <device>', 'auto, cpu, cuda or webgpu')
    .option('--variant <variant>', 'auto, fp32, int8 or fp16')
    .action(
      runs(async (context) => {
        const findings: Finding[] = []
        for (const [name, check] of Object.entries(checks)) {
          context.signal.throwIfAborted()
          findings.push(await examine(name, () => check(context)))
        }
        if (context.json) process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`)
        else for (const finding of findings) process.stdout.write(describe(finding))
        return findings.every(({ ok }) => ok) ? 0 : 1
      }),
    )

/** Each resolves to what it found, or throws what is wrong. */
const checks: Readonly<Record<string, (context: Context) => Promise<string>>> = {
  node: async () => `${process.version} on ${process.platform} ${process.arch}`,

  'data folder': async ({ config }) => {
    await mkdir(config.data, { recursive: true })
    await access(config.data, constants.R_OK | constants.W_OK)
    const { bavail, bsize } = await statfs(config.data)
    const freeMb = Math.floor((bavail * bsize) / 2 ** 20)
    if (freeMb < leastFreeDiskMb) throw new Error(`only ${freeMb} MB are free in ${config.data}`)
    return `${config.data}, ${freeMb} MB free`
  },

  memory: async () => {
    const freeMb = Math.floor(freemem() / 2 ** 20)
    if (freeMb < leastFreeMemoryMb) throw new Error(`only ${freeMb} MB are free, the parts together use about 1 GB`)
    return `${freeMb} MB free`
  },

  'event log': async ({ config, log }) => {
    const eventLog = await openEventLog(config, log)
    try {
      const topics = await eventLog.topics()
      return topics.length === 0 ? 'opens; no topics yet' : `opens; topics ${topics.map(({ name }) => name).join(', ')}`
    } finally {
      await eventLog[Symbol.asyncDispose]()
    }
  },

  ClickHouse: async ({ config, signal }) => {
    const version = async (client: ClickHouseClient) => {
      const result = await client.query({ query: 'SELECT version() AS version', format: 'JSONEachRow' })
      const [row] = await result.json<{ version: string }>()
      return `${row?.version}, ${shown('clickhouseUrl', config) ?? 'embedded'}`
    }
    return withStore(config, silentLog, signal, version, { timeoutMs: 3000 })
  },

  model: async ({ config, signal }) => {
    const directory = await loadModel(config.model, config, { signal })
    await provingWith({ config, log: silentLog, signal })(directory)
    const scorer = await createScorer({
      directory,
      device: config.device,
      variant: config.variant,
      workers: 1,
      batchTokens: config.batchTokens,
      log: silentLog,
    })
    try {
      const [result] = await scorer.score(['what a lovely day'])
      if (result === undefined || result instanceof DriftlineError)
        throw result ?? new Error('the model gave no result')
      return `${scorer.name} v${scorer.version}, ${variantFiles[scorer.variant]} on ${scorer.provider}, classes ${scorer.labels.join(', ')}`
    } finally {
      await scorer[Symbol.asyncDispose]()
    }
  },

  'page port': async ({ config }) => {
    const score = (await readStatuses(config.data, systemClock.now())).find(({ job }) => job === 'score')
    if (score?.answering === true) return `${config.port}; Driftline is running on this data folder`
    await bindable(config.host, config.port)
    return `${config.host}:${config.port} is free`
  },
}

async function examine(check: string, action: () => Promise<string>): Promise<Finding> {
  try {
    return { check, ok: true, detail: await action() }
  } catch (error) {
    const hint = error instanceof DriftlineError ? { hint: error.hint } : {}
    return { check, ok: false, detail: messageOf(error), ...hint }
  }
}

const describe = ({ check, ok, detail, hint }: Finding): string =>
  `${ok ? 'ok     ' : 'MISSING'}  ${check}: ${detail}\n${hint === undefined ? '' : `         ${hint}\n`}`

function bindable(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => reject(new Error(`${host}:${port} cannot be bound: ${error.message}`)))
    server.listen(port, host, () => server.close(() => resolve()))
  })
}
