import { DriftlineError } from '../core/errors.ts'
import type { ModelDirectory } from '../models/model-directory.ts'
import type { Manifest } from '../models/registry/manifest.ts'
import { mayTakeAlias, standingOf } from '../models/registry/may-take-alias.ts'
import type { Registry } from '../models/registry/registry.ts'
import { type Context, runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'
import { modelName, openRegistry, type VersionRef, versionRef, whoami } from './registry.ts'
import { rounded } from './rounded.ts'

interface MoveFlags extends Record<string, unknown> {
  readonly reason: string
  readonly force: boolean
  readonly dryRun: boolean
}

const champion = 'champion'

const moving = (name: string, description: string) =>
  verb(name, description)
    .option('--reason <text>', 'why, for the audit', '')
    .option('--force', 'also to a version whose certificate or gates did not pass; needs a reason', false)
    .option('--dry-run', 'print what would change, and change nothing', false)

/** `models promote`. */
export const promoteCommand = () =>
  moving('promote', 'make a version the champion: running jobs swap to it')
    .argument('<version>', 'sentiment@2, or 2 of the model that is set')
    .action(
      runs<MoveFlags>(async (context, flags, [version = '']) => {
        const ref = versionRef(version, context.config)
        const registry = await openRegistry(context.config, context.signal)
        return move(context, registry, ref, (await registry.aliases(ref.name)).at.champion, flags)
      }),
    )

/** `models rollback`. */
export const rollbackCommand = () =>
  moving('rollback', 'make the previous champion the champion again')
    .argument('[model]', 'name in the registry (default: the model that is set)')
    .action(
      runs<MoveFlags>(async (context, flags, [model]) => {
        const name = modelName(model, context.config)
        const registry = await openRegistry(context.config, context.signal)
        const { champion: from, previous } = (await registry.aliases(name)).at
        if (previous === undefined) {
          throw new DriftlineError('VERSION_UNKNOWN', { model: name, reason: 'no version was champion before' })
        }
        const reason = flags.reason === '' ? 'rollback' : flags.reason
        return move(context, registry, { name, version: previous }, from, { ...flags, reason })
      }),
    )

async function move(
  context: Context,
  registry: Registry,
  { name, version: to }: VersionRef,
  from: number | undefined,
  { reason, force, dryRun }: MoveFlags,
): Promise<number> {
  const next = await registry.open(name, to)
  const opened = from === undefined ? undefined : from === to ? next : await openOrDamage(registry, name, from)
  const damage = opened instanceof DriftlineError ? opened : undefined
  const current = opened instanceof DriftlineError ? undefined : opened
  const outcome = from === to ? 'unchanged' : dryRun ? 'would change' : 'changed'
  if (outcome !== 'unchanged') {
    mayTakeAlias(next, { force, reason }) // a dry run says no where the real one would
    await provingWith(context)(next)
  }
  const options = { expected: from, by: whoami(), reason, force }
  const change = outcome === 'changed' ? await registry.setAlias(name, champion, to, options) : undefined
  const before = current === undefined ? null : standingOf(current)
  if (context.json) {
    const standing = { before, after: standingOf(next) }
    process.stdout.write(
      `${JSON.stringify({ model: name, alias: champion, from: from ?? null, to, outcome, change, standing })}\n`,
    )
    return 0
  }
  const moves = `${name} ${champion}: ${from ?? 'none'} → ${to}${dryRun ? ' (dry run: nothing was changed)' : ''}`
  const lines =
    outcome === 'unchanged'
      ? [`${name} ${champion} is ${to} already`]
      : [
          moves,
          ...(damage === undefined ? [] : [`  ${name}@${from} cannot be read: ${damage.message}`]),
          ...differences(current, next),
        ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

/** The champion that is to go. One that is damaged, or not signed, is a reason to leave it and none to stay. */
async function openOrDamage(
  registry: Registry,
  name: string,
  version: number,
): Promise<ModelDirectory | DriftlineError> {
  try {
    return await registry.open(name, version)
  } catch (error) {
    if (error instanceof DriftlineError && !error.retryable) return error
    throw error
  }
}

/** What the two say about themselves, where it differs; certificate, gates and descent always. */
function* differences(from: ModelDirectory | undefined, to: ModelDirectory): Generator<string> {
  const line = (title: string, say: (directory: ModelDirectory) => string): string =>
    `  ${title}: ${from === undefined ? '–' : say(from)} → ${say(to)}`
  const number = (value: number | undefined) => (value === undefined ? '–' : String(rounded(value)))
  yield line('made', ({ manifest }) => manifest.createdAt)
  for (const metric of new Set([...Object.keys(from?.manifest.metrics ?? {}), ...Object.keys(to.manifest.metrics)])) {
    if (from?.manifest.metrics[metric] === to.manifest.metrics[metric]) continue
    yield line(metric, ({ manifest }) => number(manifest.metrics[metric]))
  }
  yield line('certificate', (directory) => standingOf(directory).certificate)
  yield line('gates', (directory) => {
    const { gates, failedGates } = standingOf(directory)
    return gates === 'failed' ? `failed (${failedGates.join(', ')})` : gates
  })
  yield line('made of', ({ manifest }) => descent(manifest))
  const text = ({ manifest }: ModelDirectory) => `${manifest.text.normaliser}, ${manifest.text.maxTokens} tokens`
  const classes = ({ labels }: ModelDirectory) => labels.join(', ')
  if (from !== undefined && text(from) !== text(to)) yield line('text', text)
  if (from !== undefined && classes(from) !== classes(to)) yield line('classes', classes)
}

/** Where a version comes from, in a few words. */
function descent({ parent, lineage }: Manifest): string {
  const from = parent === null ? 'no version' : `version ${parent}`
  if (lineage === undefined) return from
  const day = (instant: string | null) => instant?.slice(0, 10) ?? '?'
  const { labels, replayed, dataFrom, dataTo } = lineage
  const when = dataFrom === null && dataTo === null ? '' : ` from ${day(dataFrom)} to ${day(dataTo)}`
  return `${from}, ${labels} labels${when}${replayed === 0 ? '' : `, ${replayed} replayed`}`
}
