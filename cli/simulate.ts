import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { InvalidArgumentError, Option } from 'commander'
import { connectStore } from '../clickhouse/client.ts'
import { select } from '../clickhouse/queries.ts'
import { systemClock } from '../core/clock.ts'
import { type Config, loadConfig } from '../core/config.ts'
import { DriftlineError } from '../core/errors.ts'
import { seededRandom } from '../core/random.ts'
import { createScorer } from '../inference/create-scorer.ts'
import { readRetraining } from '../jobs/drift/retrain/document.ts'
import { isActive } from '../jobs/drift/retrain/state.ts'
import { lastChecks } from '../jobs/drift/store.ts'
import type { Registry } from '../models/registry/registry.ts'
import { type Context, runs, verb } from './command.ts'
import { modelName, openRegistry } from './registry.ts'
import { type ChangeKind, changed, changeKinds, type ReplayPost } from './simulate/change.ts'
import { startFeed } from './simulate/feed.ts'
import { startParts } from './simulate/parts.ts'
import { madeUpPosts, postsOf } from './simulate/posts.ts'
import { type Facts, type Outcome, outcomeOf, type Paired, paired, unseenBy } from './simulate/report.ts'
import { asEnvironment, simulationSettings } from './simulate/settings.ts'
import { told } from './simulate/told.ts'

interface SimulateFlags extends Record<string, unknown> {
  readonly change?: ChangeKind
  readonly strength: number
  readonly over: number
  readonly before: number
  readonly posts: number
  readonly minutes: number
  readonly labels: number
  readonly labelDelay: number
  readonly window: number
  readonly seed: number
  readonly keep: boolean
}

/** What a simulation was and what came of it. */
export interface SimulationReport extends Outcome {
  readonly change: { readonly kind: ChangeKind; readonly strength: number; readonly over: number }
  readonly posts: { readonly before: number; readonly after: number; readonly bad: number; readonly perSecond: number }
  /** The champion of the start and the new one, on posts that neither has seen. */
  readonly paired: Paired | undefined
  readonly seconds: number
  readonly data: string | undefined
}

const number = (least: number, most: number) => (text: string) => {
  const value = Number(text)
  if (text.trim() === '' || !(value >= least && value <= most))
    throw new InvalidArgumentError(`must be a number from ${least} to ${most}.`)
  return value
}

/** Replays a stream with a change in it through the real jobs, and reports what they made of it. */
export const simulateCommand = () =>
  verb('simulate', 'replay posts with a change in them through the real jobs: is it seen, and repaired?')
    .argument('[file]', 'labelled posts, JSON Lines or CSV, perhaps .gz; without one, the made-up stream')
    .addOption(
      new Option('--change <kind>', 'what changes; default: source with a file, vocabulary without').choices(
        changeKinds,
      ),
    )
    .option('--strength <share>', 'share of the posts, or words, that the change touches', number(0, 1), 1)
    .option('--over <posts>', 'posts that it takes to become complete; 0: at once', number(0, 1e9), 0)
    .option('--before <posts>', 'posts before the change', number(1000, 1e7), 3000)
    .option('--posts <n>', 'posts after the change in the made-up stream', number(100, 1e7), 8000)
    .option('--minutes <n>', 'how long the posts after the change take', number(0.1, 1e5), 5)
    .option('--labels <share>', 'share of the posts whose label is revealed', number(0.001, 1), 0.1)
    .option('--label-delay <seconds>', 'from a post to its label', number(0, 1e6), 5)
    .option('--window <posts>', 'posts of a drift window', number(100, 1e6), 500)
    .option('--seed <n>', 'of the change and of the made-up stream', number(0, 2 ** 31), 1)
    .option('--keep', 'leave the data folder for a look with sql, drift status and models', false)
    .option('--model <model>', 'name of the model in the registry')
    .addHelpText(
      'after',
      `
With a file, the default change is \`source\`: the made-up stream comes first, then the posts of the file. Any other change
is made to the second half of the file (or what follows --before posts of it). Everything runs on embedded parts in a
folder of its own, without your data, your registry or your servers.

Examples:
  $ driftline simulate posts.jsonl.gz
  $ driftline simulate posts.jsonl.gz --change concept --strength 0.5 --over 500
  $ driftline simulate --change none --minutes 10     # nothing changes: is anything reported?`,
    )
    .action(
      runs<SimulateFlags>(async (context, flags, [file]) => {
        const report = await simulate(context, flags, file)
        process.stdout.write(context.json ? `${JSON.stringify(report, null, 2)}\n` : told(report))
        return 0
      }),
    )

async function simulate(context: Context, flags: SimulateFlags, file: string | undefined): Promise<SimulationReport> {
  const { log, loaded, signal } = context
  if (loaded.origins.logLevel === 'default') log.level = 'warn'
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const startedAt = systemClock.now()
  const kind = flags.change ?? (file === undefined ? 'vocabulary' : 'source')
  const change = { kind, strength: flags.strength, over: flags.over }
  const { before, after, bad } = await planned(file, flags, change)
  const rate = Math.max(1, after.length / (flags.minutes * 60))
  const pace = { rate, before: before.length, after: after.length, labels: flags.labels, window: flags.window }

  const chosen = loaded.origins.data === 'flag' // never the folder that is set for everyday use
  const data = chosen ? context.config.data : await mkdtemp(join(tmpdir(), 'driftline-simulate-'))
  const settings = { ...simulationSettings(pace), data, storePort: '0', model: modelName(undefined, context.config) }
  const env = { ...embedded(process.env), ...asEnvironment(settings), DRIFTLINE_LOG_LEVEL: context.config.logLevel }
  const { config } = loadConfig({}, env, data)
  say(
    `${before.length} posts, then ${after.length} with change "${kind}" at ${rate.toFixed(0)} a second: about ${Math.ceil(before.length / beforeRate / 60 + flags.minutes + 1)} minutes`,
  )
  try {
    const onLine = (part: string, line: string) => log.debug({ part, line }, 'said')
    const reviewer = [
      '--no-queue',
      '--share',
      String(flags.labels),
      '--delay',
      String(flags.labelDelay),
      '--rate',
      '500',
    ]
    const parts = await startParts({ data, env, reviewer, log, signal, onLine })
    try {
      const client = await connectStore(config, { signal, log })
      try {
        const registry = await openRegistry(config)
        const tell = teller(client, registry, config, startedAt, say)
        const changedAt = await feedAll(before, after, rate, {
          env,
          data,
          signal,
          onLine: (line) => onLine('ingest', line),
          tell,
        })
        await settled(client, registry, config, before.length + after.length, signal, tell)
        const facts = await factsOf(client, config, kind === 'none' ? undefined : changedAt)
        const outcome = outcomeOf(facts)
        const report = {
          change,
          ...outcome,
          posts: { before: before.length, after: after.length, bad, perSecond: rate },
          paired: await compareVersions(registry, config, context, outcome, facts),
          seconds: (systemClock.now() - startedAt) / 1000,
          data: flags.keep || chosen ? data : undefined,
        }
        return report
      } finally {
        await client.close()
      }
    } finally {
      await parts[Symbol.asyncDispose]()
    }
  } finally {
    if (!flags.keep && !chosen) await rm(data, { recursive: true, force: true })
  }
}

/** What comes before the change, and what after it. */
async function planned(file: string | undefined, flags: SimulateFlags, change: Parameters<typeof changed>[1]) {
  const random = seededRandom(flags.seed)
  if (file === undefined) {
    const posts = madeUpPosts(flags.before + flags.posts, flags.seed)
    return { before: posts.slice(0, flags.before), after: changed(posts.slice(flags.before), change, random), bad: 0 }
  }
  const { posts, bad } = await postsOf(file)
  if (change.kind === 'source') return { before: madeUpPosts(flags.before, flags.seed), after: posts, bad }
  const at = Math.min(flags.before, posts.length >> 1)
  const after = changed(posts.slice(at), change, random)
  if (at < 1000 || after.length === 0) {
    throw new DriftlineError('USAGE', {
      reason: `${file} holds ${posts.length} posts, too few to divide: 2,000 at least`,
    })
  }
  return { before: posts.slice(0, at), after, bad }
}

/** Posts per second before the change: there is nothing to see yet. */
const beforeRate = 150

/** No address of a server that people use may reach the parts. */
const embedded = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(DRIFTLINE|AWS)_/.test(name)))

interface FeedAll {
  readonly env: NodeJS.ProcessEnv
  readonly data: string
  readonly signal: AbortSignal
  readonly onLine: (line: string) => void
  readonly tell: (fed: number) => Promise<void>
}

/** @returns when the change began */
async function feedAll(
  before: readonly ReplayPost[],
  after: readonly ReplayPost[],
  rate: number,
  { env, data, signal, onLine, tell }: FeedAll,
): Promise<number> {
  const feed = startFeed({ env, cwd: data, clock: systemClock, signal, onLine })
  let telling: Promise<void> | undefined
  const onFed = (base: number) => (posts: number) => {
    telling ??= tell(base + posts).finally(() => {
      telling = undefined
    })
  }
  try {
    await feed.send(before, beforeRate, onFed(0))
    const changedAt = systemClock.now()
    await feed.send(after, rate, onFed(before.length))
    return changedAt
  } finally {
    await telling
    await feed[Symbol.asyncDispose]()
  }
}

const everyMs = 5000

/** A line now and then: what was fed, scored and labelled, what the last check said, what the retraining is at. */
function teller(
  client: ClickHouseClient,
  registry: Registry,
  config: Config,
  startedAt: number,
  say: (line: string) => void,
) {
  let toldAt = 0
  return async (fed: number): Promise<void> => {
    const now = systemClock.now()
    if (now - toldAt < everyMs) return
    toldAt = now
    const [check] = await lastChecks(client, modelName(undefined, config), 1)
    const [labels] = await select(client, 'label_count', { recent_ms: 1e12 })
    const retraining = await currentRetraining(registry, config)
    const parts = [
      `${((now - startedAt) / 1000).toFixed(0).padStart(4)} s`,
      `${fed} posts`,
      `${labels?.labels ?? 0} labels`,
      ...(check === undefined ? [] : [check.details.headline.slice(0, 90)]),
      ...(retraining === undefined ? [] : [`retraining: ${retraining.state}`]),
    ]
    say(parts.join('  '))
  }
}

async function currentRetraining(registry: Registry, config: Config) {
  const { document } = await readRetraining(registry, modelName(undefined, config))
  return document.current ?? undefined
}

/** At most this long for what is under way when the posts have ended, in milliseconds. */
const patienceMs = 120_000

/** Until all posts are scored, and no retraining is under way or the patience is over. */
async function settled(
  client: ClickHouseClient,
  registry: Registry,
  config: Config,
  posts: number,
  signal: AbortSignal,
  tell: (fed: number) => Promise<void>,
): Promise<void> {
  const deadline = systemClock.now() + patienceMs
  for (;;) {
    const totals = await select(client, 'totals')
    const scored = totals.reduce((sum, { posts: of }) => sum + of, 0)
    const retraining = await currentRetraining(registry, config)
    const idle = retraining === undefined || !isActive(retraining) || retraining.state === 'canary'
    if ((scored >= posts && idle) || systemClock.now() > deadline) return
    await tell(posts)
    await systemClock.sleep(500, signal)
  }
}

async function factsOf(client: ClickHouseClient, config: Config, changedAt: number | undefined): Promise<Facts> {
  const checks = await lastChecks(client, modelName(undefined, config), 100_000)
  return {
    changedAt,
    posts: await select(client, 'simulated_posts'),
    checks: checks.map(({ checked_at_ms, window_to_ms, verdict, details }) => ({
      checkedAt: checked_at_ms,
      windowTo: window_to_ms,
      verdict,
      headline: details.headline,
      compared: details.state === 'checked',
    })),
    steps: await select(client, 'simulated_steps'),
  }
}

/** Scores what the new champion has scored with the version before it. */
async function compareVersions(
  registry: Registry,
  config: Config,
  { log, signal }: Context,
  { promoted }: Outcome,
  { posts, steps }: Facts,
): Promise<Paired | undefined> {
  const from = steps.find(({ state }) => state === 'promoted')?.from_version
  if (promoted === undefined || from === undefined) return undefined
  const unseen = unseenBy(promoted.version, promoted.at, posts)
  const directory = await registry.open(modelName(undefined, config), from)
  const { device, variant, workers, batchTokens } = config
  const scorer = await createScorer({ directory, device, variant, workers, batchTokens, log, signal })
  try {
    const scores = await scorer.score(unseen.map(({ text }) => text))
    return paired(
      unseen,
      scores.map((score) => (score instanceof DriftlineError ? undefined : score.label)),
    )
  } finally {
    await scorer[Symbol.asyncDispose]()
  }
}
