import { randomUUID } from 'node:crypto'
import type { ClickHouseClient } from '@clickhouse/client'
import { storeClient } from '../clickhouse/client.ts'
import { type QueryRow, select } from '../clickhouse/queries.ts'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { DriftlineError } from '../core/errors.ts'
import { post } from '../jobs/alerts/deliver.ts'
import { look, worldOf } from '../jobs/alerts/look.ts'
import { runAlertsJob } from '../jobs/alerts/main.ts'
import { testNotice } from '../jobs/alerts/notice.ts'
import { resolvedWebhooks } from '../jobs/alerts/webhooks.ts'
import { loadModel, parseModelSetting } from '../models/load-model.ts'
import { waitingPosts } from './alerts-waiting.ts'
import { type Context, runs, verb } from './command.ts'
import { openRegistry } from './registry.ts'
import { whole } from './whole.ts'
import { withStore } from './with-store.ts'

/** Tells people what the rules in the configuration say. */
export const alertsCommand = () =>
  verb('alerts', 'follow the alert rules, keep what became of alerts, and tell webhooks')
    .allowExcessArguments() // runs() knows better what they are
    .action(runs(job))
    .addCommand(verb('run', 'judge each rule now and print what it says; nobody is told').action(runs(runOnce)))
    .addCommand(verb('status', 'the rules, and which alerts are pending or fire').action(runs(status)))
    .addCommand(
      verb('history', 'the newest alerts, and how telling people of them went')
        .option('--alerts <n>', 'how many', whole(1), 20)
        .action(runs((context, { alerts }: { alerts: number }) => history(context, alerts))),
    )
    .addCommand(
      verb('test', 'send a test notice to a webhook, or to all webhooks of a rule')
        .argument('<name>', 'name of a rule or of a webhook')
        .action(runs((context, _options, [name = '']) => test(context, name))),
    )

async function modelName(config: Config): Promise<string> {
  const setting = parseModelSetting(config.model)
  return setting.kind === 'directory' ? (await loadModel(config.model, config)).manifest.name : setting.name
}

async function job({ config, log, signal }: Context): Promise<number> {
  const webhooks = resolvedWebhooks(config.alertWebhooks, process.env)
  const [registry, model] = [await openRegistry(config), await modelName(config)]
  const waiting = waitingPosts(config, log, systemClock)
  try {
    await withStore(config, log, signal, () =>
      runAlertsJob({
        data: config.data,
        replica: config.replica,
        rules: config.alertRules,
        webhooks,
        everyMs: config.alertSeconds * 1000,
        model,
        documents: registry.documents,
        waiting: waiting.read,
        connect: () => storeClient(config),
        clock: systemClock,
        random: Math.random,
        log,
        signal,
      }),
    )
  } finally {
    await waiting[Symbol.asyncDispose]()
  }
  return 0
}

async function runOnce({ config, log, signal, json }: Context): Promise<number> {
  const model = await modelName(config)
  const waiting = waitingPosts(config, log, systemClock)
  try {
    const found = await withStore(config, log, signal, async (client) => {
      const world = worldOf(client, { model, waiting: waiting.read, judged: new Map(), signal })
      const results = []
      for (const rule of config.alertRules) {
        const { findings, note } = await look(rule, world, systemClock.now())
        results.push({ rule: rule.name, kind: rule.kind, note, findings })
      }
      return results
    })
    if (json) process.stdout.write(`${JSON.stringify(found)}\n`)
    else if (found.length === 0) process.stdout.write(noRules)
    for (const { rule, note, findings } of json ? [] : found) {
      const lines = findings.map(({ holds, summary }) => `${holds ? '!' : ' '} ${rule}: ${summary}\n`)
      process.stdout.write(lines.length === 0 ? `  ${rule}: ${note}\n` : lines.join(''))
    }
  } finally {
    await waiting[Symbol.asyncDispose]()
  }
  return 0
}

const noRules =
  'No rules in this configuration (`demo` has some of its own). Write them into alertRules of driftline.config.json; docs/alerts.md shows how.\n'

async function status({ config, log, signal, json }: Context): Promise<number> {
  const active = await withStore(config, log, signal, (client) => select(client, 'alert_active', {}, signal))
  if (json) {
    const rules = config.alertRules.map(({ name, kind, severity }) => ({ name, kind, severity }))
    process.stdout.write(`${JSON.stringify({ rules, active: active.map(shownAlert) })}\n`)
    return 0
  }
  if (config.alertRules.length === 0) process.stdout.write(noRules)
  for (const { name, kind, severity } of config.alertRules) {
    const mine = active.filter((alert) => alert.rule_name === name)
    process.stdout.write(`${name} (${kind}, ${severity}): ${mine.length === 0 ? 'nothing' : ''}\n`)
    for (const alert of mine) process.stdout.write(`  ${lineOf(alert)}\n`)
  }
  return 0
}

type Stored = Omit<QueryRow<'alert_history'>, 'at_ms'>

const shownAlert = (row: Stored) => ({
  alertId: row.alert_id,
  rule: row.rule_name,
  kind: row.rule_kind,
  severity: row.last_severity,
  state: stateOf(row),
  group: row.grouped_by === '' ? null : { by: row.grouped_by, name: row.grouped_name },
  startedAt: new Date(row.started_at_ms).toISOString(),
  value: row.last_value,
  threshold: row.last_threshold,
  summary: row.last_summary,
})

const stateOf = ({ last_event }: Stored): string => (last_event === 'reminder' ? 'firing' : last_event)
const at = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
const lineOf = (row: Stored): string =>
  `${at(row.started_at_ms)}  ${stateOf(row).padEnd(8)}  ${row.last_severity.padEnd(8)}  ${row.rule_name}: ${row.last_summary}`

async function history({ config, log, signal, json }: Context, alerts: number): Promise<number> {
  if (!Number.isSafeInteger(alerts) || alerts < 1) throw new DriftlineError('USAGE', { reason: '--alerts is a number' })
  const { rows, deliveries } = await withStore(config, log, signal, (client) => read(client, alerts, signal))
  if (json) {
    const told = (id: string) =>
      deliveries
        .filter(({ alert_id }) => alert_id === id)
        .map(({ event, webhook, attempts, outcome, status: code, reason }) => {
          return { event, webhook, attempts, outcome: outcome === '' ? 'waiting' : outcome, status: code, reason }
        })
    const list = rows.map((row) => ({
      ...shownAlert(row),
      changedAt: new Date(row.at_ms).toISOString(),
      notices: told(row.alert_id),
    }))
    process.stdout.write(`${JSON.stringify(list)}\n`)
    return 0
  }
  if (rows.length === 0) process.stdout.write('No alert yet.\n')
  for (const row of rows) {
    process.stdout.write(`${lineOf(row)}\n`)
    for (const one of deliveries.filter(({ alert_id }) => alert_id === row.alert_id)) {
      const outcome = one.outcome === '' ? 'waiting' : one.outcome
      const why = one.reason === '' ? '' : ` (${one.reason})`
      process.stdout.write(`  ${one.event} to ${one.webhook}: ${outcome}, attempts ${one.attempts}${why}\n`)
    }
  }
  return 0
}

async function read(client: ClickHouseClient, alerts: number, signal: AbortSignal) {
  const rows = await select(client, 'alert_history', { alerts }, signal)
  const ids = rows.map(({ alert_id }) => alert_id)
  const deliveries = ids.length === 0 ? [] : await select(client, 'alert_deliveries_of', { alert_ids: ids }, signal)
  return { rows, deliveries }
}

async function test({ config, signal, json }: Context, name: string): Promise<number> {
  const rule = config.alertRules.find((one) => one.name === name)
  const names = rule === undefined ? [name] : (rule.webhooks ?? config.alertWebhooks.map((one) => one.name))
  const chosen = config.alertWebhooks.filter((one) => names.includes(one.name))
  if (chosen.length === 0) {
    const reason = rule === undefined ? `no rule or webhook is called '${name}'` : `rule '${name}' tells no webhook`
    throw new DriftlineError('USAGE', { reason })
  }
  const now = systemClock.now()
  const notice = testNotice(rule, now)
  const results = await Promise.all(
    resolvedWebhooks(chosen, process.env).map(async (webhook) => {
      const made = await post(webhook, `test-${randomUUID()}`, notice, systemClock.now(), signal)
      return {
        webhook: webhook.name,
        delivered: made.outcome === 'delivered',
        status: made.status,
        reason: made.reason,
      }
    }),
  )
  if (json) process.stdout.write(`${JSON.stringify(results)}\n`)
  else
    for (const { webhook, delivered, status: code, reason } of results) {
      process.stdout.write(`${webhook}: ${delivered ? `accepted (HTTP ${code})` : `not accepted: ${reason}`}\n`)
    }
  return results.every(({ delivered }) => delivered) ? 0 : 1
}
