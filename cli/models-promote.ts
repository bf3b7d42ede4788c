import { DriftlineError } from '../core/errors.ts'
import type { Manifest } from '../models/registry/manifest.ts'
import type { Registry } from '../models/registry/registry.ts'
import { type Context, runs, verb } from './command.ts'
import { modelName, openRegistry, type VersionRef, versionRef, whoami } from './registry.ts'

interface MoveFlags extends Record<string, unknown> {
  readonly reason: string
  readonly force: boolean
  readonly dryRun: boolean
}

const champion = 'champion'

const moving = (name: string, description: string) =>
  verb(name, description)
    .option('--reason <text>', 'why, for the audit', '')
    .option('--force', 'also to a version without a passing certificate; needs a reason', false)
    .option('--dry-run', 'print what would change, and change nothing', false)

/** `models promote`. */
export const promoteCommand = () =>
  moving('promote', 'make a version the champion: running jobs swap to it')
    .argument('<version>', 'sentiment@2, or 2 of the model that is set')
    .action(
      runs<MoveFlags>(async (context, flags, [version = '']) => {
        const ref = versionRef(version, context.config)
        const registry = await openRegistry(context.config)
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
        const registry = await openRegistry(context.config)
        const { champion: from, previous } = (await registry.aliases(name)).at
        if (previous === undefined) {
          throw new DriftlineError('VERSION_UNKNOWN', { model: name, reason: 'no version was champion before' })
        }
        const reason = flags.reason === '' ? 'rollback' : flags.reason
        return move(context, registry, { name, version: previous }, from, { ...flags, reason })
      }),
    )

async function move(
  { json }: Context,
  registry: Registry,
  { name, version: to }: VersionRef,
  from: number | undefined,
  { reason, force, dryRun }: MoveFlags,
): Promise<number> {
  const next = await registry.open(name, to)
  const current = from === undefined ? undefined : await registry.open(name, from)
  const outcome = from === to ? 'unchanged' : dryRun ? 'would change' : 'changed'
  const options = { expected: from, by: whoami(), reason, force }
  const change = outcome === 'changed' ? await registry.setAlias(name, champion, to, options) : undefined
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ model: name, alias: champion, from: from ?? null, to, outcome, change })}\n`,
    )
    return 0
  }
  const lines =
    outcome === 'unchanged'
      ? [`${name} ${champion} is ${to} already`]
      : [
          `${name} ${champion}: ${from ?? 'none'} → ${to}${outcome === 'changed' ? '' : ' (dry run: nothing was changed)'}`,
          ...differences(current?.manifest, next.manifest),
          ...(current !== undefined && current.labels.join() !== next.labels.join()
            ? [`  classes: ${current.labels.join(', ')} → ${next.labels.join(', ')}`]
            : []),
        ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

/** What the manifests say differently, metric by metric. */
function* differences(from: Manifest | undefined, to: Manifest): Generator<string> {
  const number = (value: number | undefined) => (value === undefined ? '–' : String(Number(value.toPrecision(4))))
  yield `  made: ${from?.createdAt ?? '–'} → ${to.createdAt}`
  for (const metric of new Set([...Object.keys(from?.metrics ?? {}), ...Object.keys(to.metrics)])) {
    const [before, after] = [from?.metrics[metric], to.metrics[metric]]
    if (before !== after) yield `  ${metric}: ${number(before)} → ${number(after)}`
  }
  const text = ({ text: { normaliser, maxTokens } }: Manifest) => `${normaliser}, ${maxTokens} tokens`
  if (from !== undefined && text(from) !== text(to)) yield `  text: ${text(from)} → ${text(to)}`
}
