import { Option } from 'commander'
import { storeClient } from '../clickhouse/client.ts'
import { systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { createRetraining } from '../jobs/drift/retrain/retraining.ts'
import { isActive, type Retraining } from '../jobs/drift/retrain/state.ts'
import { runs, verb } from './command.ts'
import { openRegistry, whoami } from './registry.ts'
import { withStore } from './with-store.ts'

interface RetrainFlags extends Record<string, unknown> {
  readonly promotion?: Retraining['promotion']
  readonly reason: string
  readonly wait: boolean
}

const lookMs = 500

/** Starts a retraining by hand, whatever the last check said, and goes with it until it has to wait. */
export const retrainCommand = () =>
  verb('retrain', 'retrain the champion on the labels now, judge the result and publish it')
    .addOption(new Option('--promotion <mode>', 'who makes it champion').choices(['manual', 'auto']))
    .option('--reason <text>', 'why, for the table of trainings', 'by hand')
    .option('--wait', 'stay until canary and watch have ended too', false)
    .addHelpText(
      'after',
      `
Examples:
  $ driftline drift retrain                     # stops at a published version, or says why there is none
  $ driftline drift retrain --promotion auto    # canary, promotion and watch go on in the drift job`,
    )
    .action(
      runs<RetrainFlags>(async ({ config, log, signal, json }, { promotion, reason, wait }) => {
        const registry = await openRegistry(config)
        const retraining = createRetraining({
          config,
          registry,
          connect: () => storeClient(config),
          clock: systemClock,
          log,
          random: Math.random,
        })
        const ended = await withStore(config, log, signal, async () => {
          const begun = await retraining.request(
            { by: whoami(), reason, ...(promotion === undefined ? {} : { promotion }) },
            signal,
          )
          if (begun === undefined) throw await notNow(await retraining.status())
          await retraining.settled()
          let now = await retraining.status()
          while (wait && now !== undefined && isActive(now) && now.promotion === 'auto') {
            await systemClock.sleep(lookMs, signal)
            await retraining.tick(undefined, signal)
            await retraining.settled()
            now = await retraining.status()
          }
          return now
        })
        if (ended === undefined) throw new Error('a retraining that has begun has a state')
        process.stdout.write(json ? `${JSON.stringify(ended)}\n` : `${describeRetraining(ended).join('\n')}\n`)
        return ended.state === 'refused' || ended.state === 'failed' || ended.state === 'rolled-back' ? 1 : 0
      }),
    )

async function notNow(current: Retraining | undefined): Promise<DriftlineError> {
  const reason =
    current !== undefined && isActive(current)
      ? `retraining ${current.id} is ${current.state}: ${current.reason}`
      : 'the model follows no alias, has no champion, or no more trainings may begin today (retrainMaxPerDay)'
  return new DriftlineError('USAGE', { reason })
}

/** Where a retraining stands, as lines of text. */
export function describeRetraining(retraining: Retraining): string[] {
  const { id, state, reason, since, champion, candidate, promotion, progress, data } = retraining
  const versions = candidate === null ? `from version ${champion}` : `version ${champion} → ${candidate}`
  const at = progress === null ? [] : [`  ${progress.phase}${share(progress)} (process ${progress.pid})`]
  const next =
    state === 'published' && promotion === 'manual' && candidate !== null
      ? [`  driftline models promote ${candidate} --reason "…"   # its gates: gates.html in the version's directory`]
      : []
  const posts =
    data === null
      ? []
      : [`  ${data.train} posts trained on (${data.replayed} older), ${data.heldOut} held out, ${data.golden} golden`]
  return [`retraining ${id}: ${state} since ${since}, ${versions}`, `  ${reason}`, ...posts, ...at, ...next]
}

const share = ({ epoch, step, totalSteps }: NonNullable<Retraining['progress']>): string =>
  step === undefined || totalSteps === undefined ? '' : `, epoch ${epoch}, step ${step} of ${totalSteps}`
