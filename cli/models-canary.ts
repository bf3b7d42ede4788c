import { InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { type JobStatus, readStatuses } from '../core/status.ts'
import { mayTakeAlias } from '../models/registry/may-take-alias.ts'
import type { Registry } from '../models/registry/registry.ts'
import {
  type Challenger,
  endChallenger,
  Guard,
  readTraffic,
  setChallenger,
  type Traffic,
  withChallenger,
} from '../models/registry/traffic.ts'
import { type Context, runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'
import { modelName, openRegistry, type VersionRef, versionRef, whoami } from './registry.ts'

interface CanaryFlags extends Record<string, unknown> {
  readonly share?: number
  readonly shadow?: boolean
  readonly guard?: Partial<Guard>
  readonly stop: boolean
  readonly reason: string
  readonly force: boolean
  readonly dryRun: boolean
}

/** `models canary`. */
export const canaryCommand = () =>
  verb('canary', 'try a version on a share of the posts, beside the champion; without a version, show what runs')
    .argument('[version]', 'sentiment@2, or 2 of the model that is set')
    .option('--share <share>', 'of the posts, such as 10% or 0.1; it can be changed while it runs', shareOf)
    .option('--shadow', 'score beside the champion instead of in its place')
    .option('--no-shadow', 'let a shadow take its share from the champion from now on')
    .option(
      '--guard <bounds>',
      'bounds that end it, such as errors=1%,p99=3,classes=10%,after=500 (these are the defaults)',
      boundsOf,
    )
    .addOption(new Option('--stop', 'end it').default(false).conflicts(['share', 'guard']))
    .option('--reason <text>', 'why, for the audit', '')
    .option('--force', 'also a version whose certificate or gates did not pass; needs a reason', false)
    .option('--dry-run', 'print what would change, and change nothing', false)
    .addHelpText(
      'after',
      `
Examples:
  $ driftline models canary 2 --share 5% --reason "knows the new product names"
  $ driftline models canary 2 --share 50% --guard p99=2
  $ driftline models canary 3 --share 20% --shadow
  $ driftline models canary
  $ driftline models canary 2 --stop --reason "as good as the champion"

Bounds: errors, most posts it may fail on; p99, most that its 99th percentile of model time may be of the champion's;
classes, most that the share of a class may differ from the champion's; after, posts before p99 and classes are judged.`,
    )
    .action(
      runs<CanaryFlags>(async (context, flags, [version]) => {
        const registry = await openRegistry(context.config, context.signal)
        if (version === undefined) {
          if (flags.stop || flags.share !== undefined || flags.guard !== undefined || flags.shadow !== undefined) {
            throw new DriftlineError('USAGE', { reason: 'say which version: models canary 2 --share 10%' })
          }
          return show(context, registry)
        }
        const ref = versionRef(version, context.config)
        return flags.stop ? stop(context, registry, ref, flags) : start(context, registry, ref, flags)
      }),
    )

async function start(
  context: Context,
  registry: Registry,
  { name, version }: VersionRef,
  flags: CanaryFlags,
): Promise<number> {
  const { challengers } = await readTraffic(registry, name)
  const before = challengers.find((challenger) => challenger.version === version)
  const share = flags.share ?? before?.share
  if (share === undefined) throw new DriftlineError('USAGE', { reason: 'say how many posts it gets: --share 10%' })
  if ((await registry.aliases(name)).at.champion === version) {
    throw new DriftlineError('USAGE', { reason: `${name}@${version} is the champion, and gets all posts already` })
  }
  const change = {
    version,
    mode: (flags.shadow ?? before?.mode === 'shadow') ? ('shadow' as const) : ('canary' as const),
    share,
    by: whoami(),
    reason: flags.reason,
    guard: Guard.parse({ ...before?.guard, ...flags.guard }),
  }
  if (before?.mode !== change.mode) {
    const directory = await registry.open(name, version)
    // Posts that a canary scores are as good as the champion's to whoever reads them. A shadow's are nobody's.
    if (change.mode === 'canary') mayTakeAlias(directory, flags)
    await provingWith(context)(directory)
  }
  let traffic: Traffic
  if (flags.dryRun) {
    traffic = withChallenger(await readTraffic(registry, name), change, systemClock.now())
  } else traffic = await setChallenger(registry, name, change)
  const after = traffic.challengers.find((challenger) => challenger.version === version)
  if (context.json) {
    const outcome = flags.dryRun ? 'would change' : 'changed'
    process.stdout.write(`${JSON.stringify({ model: name, outcome, before: before ?? null, after })}\n`)
    return 0
  }
  const was = before === undefined ? 'not tried' : said(before)
  const note = flags.dryRun ? ' (dry run: nothing was changed)' : ''
  process.stdout.write(`${name}@${version}: ${was} → ${after === undefined ? '' : said(after)}${note}\n`)
  return 0
}

async function stop(
  { json }: Context,
  registry: Registry,
  { name, version }: VersionRef,
  { reason, dryRun }: CanaryFlags,
): Promise<number> {
  const { challengers } = await readTraffic(registry, name)
  const before = challengers.find((challenger) => challenger.version === version)
  if (before !== undefined && !dryRun) await endChallenger(registry, name, version, { by: whoami(), reason })
  const outcome = before === undefined ? 'unchanged' : dryRun ? 'would end' : 'ended'
  if (json) process.stdout.write(`${JSON.stringify({ model: name, outcome, before: before ?? null })}\n`)
  else if (before === undefined) process.stdout.write(`${name}@${version} is not tried\n`)
  else {
    process.stdout.write(`${name}@${version}: ${said(before)} → ${dryRun ? 'would end (dry run)' : 'ended'}\n`)
  }
  return 0
}

type Counted = NonNullable<JobStatus['challengers']>[number]

async function show({ config, json }: Context, registry: Registry): Promise<number> {
  const name = modelName(undefined, config)
  const { challengers, ended } = await readTraffic(registry, name)
  const statuses = (await readStatuses(config.data, systemClock.now())).flatMap(({ job, status, answering }) =>
    job === 'score' && answering && status?.model?.name === name ? (status.challengers ?? []) : [],
  )
  const running = challengers.map((challenger) => {
    return { ...challenger, ...counts(statuses.filter(({ version }) => version === challenger.version)) }
  })
  if (json) {
    process.stdout.write(`${JSON.stringify({ model: name, challengers: running, ended }, null, 2)}\n`)
    return 0
  }
  const lines = running.flatMap((challenger) => {
    const { version, since, by, reason, state, scored, failed, skipped } = challenger
    return [
      `${name}@${version}: ${said(challenger)}, ${state}`,
      `  ${scored} posts scored, ${failed} failed, ${skipped} skipped; since ${since} by ${by}${reason === '' ? '' : `: ${reason}`}`,
    ]
  })
  const last = ended.slice(0, 5).map(({ version, at, by, reason }) => {
    return `${name}@${version}: ended ${at} by ${by}${reason === '' ? '' : `: ${reason}`}`
  })
  process.stdout.write(`${[...(lines.length > 0 ? lines : [`${name}: no challengers`]), ...last].join('\n')}\n`)
  return 0
}

/** Over all processes that score. */
function counts(statuses: readonly Counted[]) {
  const sum = (field: 'scored' | 'failed' | 'skipped') => statuses.reduce((total, status) => total + status[field], 0)
  const state =
    statuses.length === 0
      ? 'no job runs it'
      : statuses.every(({ state }) => state === 'running')
        ? 'running'
        : 'loading'
  return { state, scored: sum('scored'), failed: sum('failed'), skipped: sum('skipped') }
}

const said = ({ mode, share }: Pick<Challenger, 'mode' | 'share'>): string =>
  `${mode} of ${Number((100 * share).toFixed(2))} %`

/** `10%` or `0.1`. */
function fraction(text: string): number | undefined {
  const [, digits = '', percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim()) ?? []
  const value = Number(digits) / (percent === '%' ? 100 : 1)
  return digits !== '' && value <= 1 ? value : undefined
}

function shareOf(text: string): number {
  const share = fraction(text)
  if (share === undefined) throw new InvalidArgumentError('It must be a share from 0 to 1, or from 0% to 100%.')
  return share
}

const boundNames = { errors: 'maxErrorRate', p99: 'maxP99Ratio', classes: 'maxClassShift', after: 'minPosts' } as const

function boundsOf(text: string): Partial<Guard> {
  const bounds: Record<string, number> = {}
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=').map((word) => word.trim())
    const bound = Object.hasOwn(boundNames, name) ? boundNames[name as keyof typeof boundNames] : undefined
    const number = name === 'errors' || name === 'classes' ? fraction(value) : Number(value === '' ? Number.NaN : value)
    if (bound === undefined || !Guard.partial().safeParse({ [bound]: number }).success) {
      throw new InvalidArgumentError(`${part} is no bound; they are ${Object.keys(boundNames).join(', ')}.`)
    }
    if (number !== undefined) bounds[bound] = number
  }
  return bounds
}
