import type { ClickHouseClient } from '@clickhouse/client'
import { storeClient } from '../clickhouse/client.ts'
import type { Verdict } from '../clickhouse/rows/drift.ts'
import { systemClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { type CheckResult, detailsOf } from '../jobs/drift/check-result.ts'
import { runDriftJob } from '../jobs/drift/main.ts'
import { readRetraining } from '../jobs/drift/retrain/document.ts'
import { createRetraining } from '../jobs/drift/retrain/retraining.ts'
import { fillQueue } from '../jobs/drift/review/fill-queue.ts'
import { runCheck } from '../jobs/drift/run-check.ts'
import { driftSettings } from '../jobs/drift/settings.ts'
import { lastChecks, type StoredCheck } from '../jobs/drift/store.ts'
import { checkedVersion } from '../jobs/drift/target.ts'
import { referenceCache } from '../jobs/drift/window-check.ts'
import { shiftScoreOf } from '../jobs/drift/words.ts'
import { type Context, runs, verb } from './command.ts'
import { describeRetraining, retrainCommand } from './drift-retrain.ts'
import { openRegistry } from './registry.ts'
import { whole } from './whole.ts'
import { withStore } from './with-store.ts'

/** Watches the stream for drift. */
export const driftCommand = () =>
  verb('drift', 'check the scored stream for drift, on a schedule')
    .option('--model <model>', 'name in the registry, name@version, or a model directory')
    .option('--drift-schedule <cron>', 'when to check, in UTC')
    .option('--drift-window-seconds <s>', 'length of the window')
    .option('--drift-min-posts <n>', 'fewest posts of a window')
    .option('--drift-baseline-posts <n>', 'fewest posts of the baseline')
    .option('--drift-baseline-seconds <s>', 'shortest stretch of the baseline')
    .option('--drift-alarms <n>', 'false alarms that may come in the days of the budget')
    .option('--drift-alarm-days <days>', 'days of the budget')
    .allowExcessArguments() // runs() knows better what they are
    .action(runs(job))
    .addCommand(verb('run', 'check the newest window now').action(runs(runOnce)))
    .addCommand(retrainCommand())
    .addCommand(
      verb('status', 'what the last checks found')
        .option('--checks <n>', 'how many', whole(1), 10)
        .action(runs((context, { checks }: { checks: number }) => status(context, checks))),
    )

async function job({ config, log, signal }: Context): Promise<number> {
  const registry = await openRegistry(config)
  const target = checkedVersion(config, registry)
  const connect = () => storeClient(config)
  const [clock, random] = [systemClock, Math.random]
  const retraining = createRetraining({ config, registry, connect, clock, log, random })
  await withStore(config, log, signal, async () => {
    await runDriftJob({
      data: config.data,
      replica: config.replica,
      settings: driftSettings(config),
      documents: registry.documents,
      target,
      connect,
      actions: {
        async onCheck(check, stop) {
          if (check.verdict !== 'ok') await askForLabels(check, (await target()).classes, connect, log, stop)
          await retraining.tick(check, stop)
        },
        async between(stop) {
          await retraining.tick(undefined, stop)
        },
      },
      clock,
      log,
      signal,
    })
    await retraining.settled().catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
  })
  return 0
}

/** Puts posts of the window into the review queue, those most typical of the change among them. */
async function askForLabels(
  check: CheckResult,
  classes: readonly string[],
  connect: () => ClickHouseClient,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const shift = detailsOf(check)?.shift ?? undefined
  const client = connect()
  try {
    const filled = await fillQueue({
      client,
      check,
      classes,
      typicality: shift === undefined ? undefined : (text) => shiftScoreOf(shift, text),
      random: Math.random,
      clock: systemClock,
      signal,
    })
    log.info(
      { check: check.checkId, queued: filled.queued, open: filled.open, reason: filled.reason },
      'asked for labels',
    )
  } finally {
    await client.close()
  }
}

async function runOnce({ config, log, signal, json }: Context): Promise<number> {
  const registry = await openRegistry(config)
  const result = await withStore(config, log, signal, async (client) =>
    runCheck({
      client,
      documents: registry.documents,
      model: await checkedVersion(config, registry)(),
      settings: driftSettings(config),
      clock: systemClock,
      references: referenceCache(),
      signal,
      tick: `run-${new Date(systemClock.now()).toISOString()}`,
    }),
  )
  if (result === undefined) throw new Error('a check by this very millisecond is stored already')
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : describe(result))
  return 0
}

async function status({ config, log, signal, json }: Context, checks: number): Promise<number> {
  const registry = await openRegistry(config)
  const model = await checkedVersion(config, registry)()
  const found = await withStore(config, log, signal, (client) => lastChecks(client, model.name, checks, signal))
  const retraining = (await readRetraining(registry, model.name)).document.current
  if (json) process.stdout.write(`${JSON.stringify({ checks: found, retraining })}\n`)
  else {
    const lines = found.length === 0 ? ['No check yet. `driftline drift run` makes one now.'] : found.map(line)
    process.stdout.write(`${[...lines, ...(retraining === null ? [] : describeRetraining(retraining))].join('\n')}\n`)
  }
  return 0
}

const at = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')

const line = (check: StoredCheck): string =>
  `${at(check.checked_at_ms)}  version ${check.model_version}  ${check.verdict.padEnd(7)}  ${check.details.headline}`

/** The verdict, its reasons, every statistic, and what moved. */
function describe(result: CheckResult): string {
  const details = detailsOf(result)
  if (details === undefined) return `${result.verdict}\n`
  const lines = [details.headline]
  if (details.state !== 'checked') return `${lines.join('\n')}\n`
  lines.push(
    `window ${at(result.window.from)} to ${at(result.window.to)} UTC, ${result.modelName} version ${result.modelVersion}`,
  )
  if (details.budget !== null) {
    const { alarms, days, checks, alpha, tests } = details.budget
    lines.push(
      `budget ${alarms} false alarms in ${days} days of ${checks} checks: significance ${alpha.toPrecision(2)} over ${tests} tests`,
    )
  }
  for (const { verdict, sentence } of details.reasons) lines.push(`  ${verdict}: ${sentence}`)
  lines.push('', ...table(result))
  const moved = Object.entries(details.moved).flatMap(([kind, names]) =>
    names.length === 0
      ? []
      : [
          `${kind} that moved: ${names.map(({ name, reference, live }) => `${name} ${share(reference)}→${share(live)}`).join(', ')}`,
        ],
  )
  return `${[...lines, ...(moved.length > 0 ? ['', ...moved] : [])].join('\n')}\n`
}

const share = (value: number): string => `${(value * 100).toFixed(1)} %`
const marks: Readonly<Record<Verdict, string>> = { ok: ' ', warning: '?', drift: '!' }

function table(result: CheckResult): string[] {
  const rows = result.rows.filter(({ statistic }) => statistic !== 'verdict')
  const cells = rows.map((row) => [
    marks[row.verdict],
    row.segment === '' ? row.statistic : `${row.segment} ${row.statistic}`,
    row.value.toPrecision(4),
    row.threshold.toPrecision(4),
    row.p_value === null ? '' : row.p_value.toPrecision(2),
    row.effect.toFixed(4),
  ])
  const all = [['', 'statistic', 'value', 'threshold', 'p', 'effect'], ...cells]
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
