import { join } from 'node:path'
import { Option } from 'commander'
import type { z } from 'zod'
import { connectStore } from '../clickhouse/client.ts'
import type { AlertRule } from '../core/alert-settings.ts'
import { systemClock } from '../core/clock.ts'
import { type Config, type ConfigKey, environmentName, type LoadedConfig } from '../core/config.ts'
import { makeDataFolder } from '../core/data-folder.ts'
import { DriftlineError } from '../core/errors.ts'
import { packageRoot } from '../core/package-root.ts'
import { readStatuses } from '../core/status.ts'
import { allocatorEnvironment } from '../jobs/score/allocator.ts'
import { type Context, runs, verb } from './command.ts'
import { printPartLine } from './supervisor/part-output.ts'
import { type Part, supervise } from './supervisor/supervisor.ts'
import { storeAnswers } from './with-store.ts'

type SourceName = 'none' | 'demo'

const everywhere = (name: string, description: string) =>
  verb(name, description)
    .option('--port <port>', 'port of the dashboard')
    .option('--store-port <port>', 'port of the embedded ClickHouse')
    .option('--model <model>', 'name in the registry, name@version, `bundled` or a model directory')
    .option('--demo-rate <rate>', 'posts per second of the demo source')
    .option('--demo-seed <seed>', 'seed of the demo source')

/** All parts on one machine, as child processes. */
export const upCommand = () =>
  everywhere('up', 'run store, dashboard, score, drift, alerts and ingest, and keep them running')
    .addOption(new Option('--source <source>', 'what to ingest').choices(['none', 'demo']).default('none'))
    .action(runs((context, { source }: { source: SourceName }) => up(context, source)))

/** The main job on embedded parts and a made-up stream: what `npm start` runs. */
export const demoCommand = () =>
  everywhere('demo', 'run everything on a made-up stream and print the address of the page').action(
    runs((context) => up(context, 'demo')),
  )

async function up({ config, loaded, log, signal, json }: Context, source: SourceName): Promise<number> {
  const program = join(packageRoot, 'bin/driftline.js')
  const env = { ...(source === 'demo' ? demoSettings(loaded) : {}), ...environmentOf(loaded) }
  const page = firstLine()
  const part = (name: string, args: readonly string[], ready: Part['ready'], more: Partial<Part> = {}): Part => ({
    name,
    args: [program, ...args],
    env,
    ready,
    ...more,
  })
  const scoring = async (stop: AbortSignal) => {
    const startedAtMs = systemClock.now()
    const isUp = async () =>
      (await readStatuses(config.data, systemClock.now())).some(
        ({ job, status }) => job === 'score' && status?.state === 'ok' && status.updatedAt >= startedAtMs,
      )
    while (!(await isUp())) await systemClock.sleep(100, stop)
  }
  const answering = async (stop: AbortSignal) => {
    const client = await connectStore(config, { signal: stop, log, timeoutMs: Number.POSITIVE_INFINITY })
    await client.close()
  }
  makeDataFolder(config.data)
  if (config.clickhouseUrl === undefined) await refuseSecond(config, signal)
  const parts = [
    ...(config.clickhouseUrl === undefined ? [part('store', ['store'], answering, { graceMs: 2000 })] : []),
    part('dashboard', ['dashboard'], async (stop) => announce(await page.line(stop), json), { onData: page.push }),
    part('score', ['score'], scoring, { env: { ...allocatorEnvironment, ...env } }),
    part('drift', ['drift'], async () => undefined),
    ...(source === 'demo' || config.alertRules.length > 0 ? [part('alerts', ['alerts'], async () => undefined)] : []),
    ...(source === 'demo'
      ? [
          part('reviewer', ['labels', 'reveal', ...demoReviewer], async () => undefined),
          part('ingest', ['ingest', 'demo', ...demoChange], async () => undefined),
        ]
      : []),
  ]
  await supervise(parts, { clock: systemClock, random: Math.random, log, signal, onLine: printPartLine })
  return 0
}

/**
 * Three quarters of a minute after its start the made-up stream talks of other things in other words; a stand-in labels
 * what the review queue asks about. So the whole loop can be watched within three minutes of the first start.
 */
const demoChange = ['--drift', 'vocabulary', '--drift-at', '45', '--drift-over', '5']
const demoReviewer = ['--share', '0.04', '--delay', '2', '--rate', '60']

/** Nobody is told of these, but the page shows them. */
const demoRules = [
  { name: 'drift', kind: 'drift', severity: 'critical' },
  { name: 'scoring lags', kind: 'lag', seconds: 10, forSeconds: 10 },
  { name: 'failing posts', kind: 'errorRate', above: 0.02, windowSeconds: 60, severity: 'critical' },
  { name: 'mostly negative', kind: 'sentiment', share: 'negative', above: 0.6, windowSeconds: 60, severity: 'info' },
] satisfies readonly z.input<typeof AlertRule>[]

/** The made-up stream is quick and alike all day: what takes hours elsewhere takes seconds. What was set holds. */
const demoPace = {
  lingerMs: '200', // an insert costs much the same however few posts it holds: at 50 ms the store took 2.2 cores, now 1.2
  driftSchedule: '*/10 * * * * *',
  driftWindowSeconds: '10',
  driftMinPosts: '500',
  driftBaselinePosts: '4000',
  driftBaselineSeconds: '20',
  driftLatenessSeconds: '2',
  promotion: 'auto',
  retrainMinLabels: '240',
  retrainRecentHours: '0.007',
  retrainCoolDownMinutes: '0.5',
  retrainMaxMinutes: '1',
  retrainMaxPerDay: '50',
  canaryShare: '0.3',
  canaryMinutes: '0.15',
  canaryPosts: '300',
  watchMinutes: '0.5',
  alertRules: JSON.stringify(demoRules),
  alertSeconds: '2',
} as const satisfies Partial<Record<ConfigKey, string>>

const demoSettings = ({ origins }: LoadedConfig): NodeJS.ProcessEnv =>
  Object.fromEntries(
    (Object.keys(demoPace) as (keyof typeof demoPace)[])
      .filter((key) => origins[key] === 'default')
      .map((key) => [environmentName(key), demoPace[key]]),
  )

/** Parts of an `up` that was killed end by themselves within this time. */
const leftoversMs = 5000

/** @throws DriftlineError `STORE_LOCKED` while another Driftline runs on the data folder */
async function refuseSecond(config: Config, signal: AbortSignal): Promise<void> {
  const deadline = systemClock.now() + leftoversMs
  while (await storeAnswers(config)) {
    if (systemClock.now() > deadline) throw new DriftlineError('STORE_LOCKED', { data: config.data })
    await systemClock.sleep(200, signal)
  }
}

function announce(url: string, json: boolean): void {
  process.stdout.write(
    json
      ? `${JSON.stringify({ url })}\n`
      : `Driftline is running: ${url}\nCtrl-C stops it; the next start goes on from there.\n`,
  )
}

/** The first line that a part prints, for whoever waits for it. */
function firstLine() {
  let push: (line: string) => void = () => undefined
  const arrived = new Promise<string>((resolve) => {
    push = resolve
  })
  return {
    push,
    line: (signal: AbortSignal) =>
      Promise.race([
        arrived,
        new Promise<never>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
        }),
      ]),
  }
}

/** What was set here by flag or environment, for the parts; they read the configuration file themselves. */
function environmentOf({ config, origins }: LoadedConfig): NodeJS.ProcessEnv {
  const set = (Object.keys(origins) as ConfigKey[]).filter((key) => origins[key] === 'flag' || key === 'data')
  return { ...process.env, ...Object.fromEntries(set.map((key) => [environmentName(key), String(config[key])])) }
}
