import { InvalidArgumentError } from 'commander'
import { systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { readStatuses } from '../core/status.ts'
import { judgeVersions, mustBeUnused } from '../models/registry/collect.ts'
import type { Registry } from '../models/registry/registry.ts'
import { type Context, runs, verb } from './command.ts'
import { modelName, openRegistry, versionRef, whoami } from './registry.ts'
import { whole } from './whole.ts'

interface DeleteFlags extends Record<string, unknown> {
  readonly reason: string
  readonly dryRun: boolean
}

interface CollectFlags extends DeleteFlags {
  readonly keep: number
  readonly unusedDays: number
}

/** `models delete`. */
export const deleteCommand = () =>
  verb('delete', 'remove a version that nothing uses, for good')
    .argument('<version>', 'sentiment@2, or 2 of the model that is set')
    .option('--reason <text>', 'why, for the audit; needed', '')
    .option('--dry-run', 'say what would be removed, and remove nothing', false)
    .addHelpText(
      'after',
      '\nExample:\n  $ driftline models delete 3 --reason "trained on the wrong labels"\n\nA version stays while an alias points to it, while it takes posts as a challenger, while a job runs it, and while\na version that is used so was fine-tuned from it.',
    )
    .action(
      runs<DeleteFlags>(async ({ config, json, signal }, { reason, dryRun }, [text = '']) => {
        const { name, version } = versionRef(text, config)
        const registry = await openRegistry(config, signal)
        const running = await runningVersions(config.data, name)
        if (dryRun) await mustBeUnused(registry, name, version, running)
        else await registry.remove(name, version, { by: whoami(), reason, running })
        process.stdout.write(
          json
            ? `${JSON.stringify({ model: name, version, outcome: dryRun ? 'would be removed' : 'removed', reason })}\n`
            : `${name}@${version} ${dryRun ? 'would be removed (dry run: nothing was changed)' : 'is removed'}\n`,
        )
        return 0
      }),
    )

/** `models gc`. */
export const collectCommand = () =>
  verb('gc', 'remove versions that nothing has used for a while, and what killed publishers left behind')
    .argument('[model]', 'name in the registry (default: all)')
    .option('--keep <n>', 'newest versions of a model that stay whether used or not', whole(0), 10)
    .option('--unused-days <n>', 'days that a version must have been out of use', days, 30)
    .option('--reason <text>', 'why, for the audit', '')
    .option('--dry-run', 'say what would be removed, and remove nothing', false)
    .action(
      runs<CollectFlags>(async (context, flags, [model]) => {
        const registry = await openRegistry(context.config, context.signal)
        const names = model === undefined ? await registry.names() : [modelName(model, context.config)]
        const removed = []
        const kept = []
        for (const name of names) {
          const collected = await collect(context, registry, name, flags)
          removed.push(...collected.removed)
          kept.push(...collected.kept)
        }
        const leftovers = await registry.leftovers()
        if (!flags.dryRun) for (const leftover of leftovers) await leftover.remove()
        const result = { dryRun: flags.dryRun, removed, kept, leftovers: leftovers.map(({ what }) => what) }
        process.stdout.write(context.json ? `${JSON.stringify(result, null, 2)}\n` : described(result))
        return 0
      }),
    )

interface Version {
  readonly model: string
  readonly version: number
  readonly bytes: number
}

interface Collected {
  readonly removed: readonly Version[]
  readonly kept: readonly (Version & { readonly why: readonly string[] })[]
}

async function collect(
  { config, signal }: Context,
  registry: Registry,
  name: string,
  { keep, unusedDays, reason, dryRun }: CollectFlags,
): Promise<Collected> {
  const running = await runningVersions(config.data, name)
  const options = { keep, unusedMs: unusedDays * 86_400_000, nowMs: systemClock.now(), running }
  const order = { by: whoami(), reason: reason === '' ? `not used for ${unusedDays} days` : reason, running }
  const removed: Version[] = []
  const kept: (Version & { why: readonly string[] })[] = []
  for (const { version, bytes, kept: why } of await judgeVersions(registry, name, options)) {
    signal.throwIfAborted()
    const found = { model: name, version, bytes }
    if (why.length > 0) {
      kept.push({ ...found, why })
      continue
    }
    try {
      if (!dryRun) await registry.remove(name, version, order)
      removed.push(found)
    } catch (error) {
      // Somebody began to use it, or removed it, since it was judged.
      if (!(error instanceof DriftlineError && ['VERSION_IN_USE', 'VERSION_UNKNOWN'].includes(error.code))) throw error
      kept.push({ ...found, why: [error.message] })
    }
  }
  return { removed, kept }
}

/** A status that is older, in milliseconds, is that of a job that was killed long ago. */
const statusCountsMs = 3_600_000

/** Versions that score jobs of this data folder say they run. */
async function runningVersions(data: string, name: string): Promise<number[]> {
  const nowMs = systemClock.now()
  const statuses = (await readStatuses(data, nowMs)).flatMap(({ status }) => (status === undefined ? [] : [status]))
  return statuses
    .filter(({ model, state, updatedAt }) => {
      return model?.name === name && !['stopped', 'ended'].includes(state) && nowMs - updatedAt < statusCountsMs
    })
    .flatMap(({ model, challengers = [] }) => [model?.version ?? [], challengers.map(({ version }) => version)].flat())
}

function described({
  dryRun,
  removed,
  kept,
  leftovers,
}: Collected & { dryRun: boolean; leftovers: readonly string[] }) {
  const megabytes = (removed.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1)
  const lines = [
    ...kept.map(({ model, version, why }) => `stays    ${model}@${version}: ${why.join(', ')}`),
    ...removed.map(({ model, version }) => `${dryRun ? 'would go' : 'removed '} ${model}@${version}`),
    ...leftovers.map((what) => `${dryRun ? 'would go' : 'removed '} ${what}`),
    `${removed.length} versions, ${megabytes} MB, and ${leftovers.length} leftovers${dryRun ? ' (dry run: nothing was changed)' : ''}`,
  ]
  return `${lines.join('\n')}\n`
}

function days(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a number of days, 0 or more.')
}
