import { hostname } from 'node:os'
import { select } from '../../../clickhouse/queries.ts'
import { parseModelSetting } from '../../../models/load-model.ts'
import { withLease } from '../../../models/registry/lease.ts'
import { type CheckResult, detailsOf } from '../check-result.ts'
import { type RetrainingOptions, type StepContext, type StepResult, withClient } from './context.ts'
import { changeRetraining, readRetraining } from './document.ts'
import { removeOldFolders, retrainingFolder } from './folders.ts'
import { dayMs, decide, overCap } from './policy.ts'
import { recordSteps, rowOf } from './record.ts'
import { awaitsPerson, isActive, type Retraining, type RetrainingDocument } from './state.ts'
import { steps } from './steps/index.ts'

const leaseKey = 'retrain-lock'
const usualLeaseMs = 10_000
const usualLookMs = 5000
const hourMs = 3_600_000
/** Progress is for people: each write is an fsync. */
const tellEveryMs = 2000

/** Who wants a retraining that no check asked for. */
export interface RetrainingRequest {
  readonly by: string
  readonly reason: string
  readonly promotion?: Retraining['promotion']
}

export interface RetrainingJob {
  /**
   * Takes the next steps, as far as they go: starts a retraining when the check and the policy call for one, goes on with
   * the one that runs, also one of a process that was killed. Returns once there is nothing to do but wait, or the trainer
   * has begun in a process of its own; `settled` waits for that too.
   *
   * @param check the newest one, where the tick comes right after it
   * @param signal kills the trainer; the next tick, of any process, begins its step anew
   */
  tick(check: CheckResult | undefined, signal: AbortSignal): Promise<Retraining | undefined>
  /**
   * Starts one by hand, whatever the verdict and the cool-down, and goes on as `tick` does.
   *
   * @returns undefined when one runs already, or no more trainings may begin today
   */
  request(request: RetrainingRequest, signal: AbortSignal): Promise<Retraining | undefined>
  /** Resolves when this process is at nothing. @throws what the steps threw that is no failure of the candidate's */
  settled(): Promise<void>
  status(): Promise<Retraining | undefined>
}

/** One retraining at a time, across processes and machines, of the model whose champion the configuration follows. */
export function createRetraining(options: RetrainingOptions): RetrainingJob {
  const { config, registry, clock, log, random, leaseMs = usualLeaseMs, lookEveryMs = usualLookMs } = options
  const setting = parseModelSetting(config.model)
  const name = setting.kind === 'champion' ? setting.name : undefined
  const holder = `${hostname()}:${process.pid}:${Math.floor(random() * 2 ** 32).toString(36)}`
  let work: Promise<void> | undefined
  let trainerStarted: Promise<void> = Promise.resolve()
  let lookedMs = 0
  const answered: StepContext['answered'] = new Map()

  const status = async () =>
    name === undefined ? undefined : ((await readRetraining(registry, name)).document.current ?? undefined)

  /** Runs `begin` and the steps that follow under the lease, in the background; one of this process at a time. */
  function goOn(model: string, signal: AbortSignal, begin: () => Promise<void>): void {
    let starts = (): void => undefined
    trainerStarted = new Promise((resolve) => {
      starts = resolve
    })
    const holding = { holder, ttlMs: leaseMs, clock, signal }
    work = withLease(registry.documents, model, leaseKey, holding, async (held) => {
      try {
        await begin()
        await advance(model, held, starts)
      } catch (error) {
        if (!held.aborted || signal.aborted) throw error
        log.warn({ model }, 'another process took over a retraining')
      }
    })
      .then(() => undefined)
      .finally(() => {
        work = undefined
        starts()
      })
    work.catch((error: unknown) => {
      if (!signal.aborted) log.error({ err: error, model }, 'a retraining stopped; the next tick goes on')
    })
  }

  async function advance(model: string, signal: AbortSignal, trainerStarts: () => void): Promise<void> {
    for (;;) {
      signal.throwIfAborted()
      const now = await status()
      if (now === undefined) break
      if (!isActive(now)) {
        await removeOldFolders(config.data, now.id)
        break
      }
      const next = await steps[now.state](contextOf(model, now, signal, trainerStarts))
      signal.throwIfAborted() // a lease that was lost in the meantime: another process takes this step
      if (next === undefined) break
      await enter(model, now, next)
    }
    await flush(model)
  }

  function contextOf(model: string, now: Retraining, signal: AbortSignal, trainerStarts: () => void): StepContext {
    let toldMs = 0
    return {
      ...options,
      name: model,
      now,
      folder: retrainingFolder(config.data, now.id),
      signal,
      answered,
      trainerStarts,
      tell(progress) {
        const at = clock.now()
        if (at - toldMs < tellEveryMs && progress.phase === now.progress?.phase) return
        toldMs = at
        const told = { ...progress, at: new Date(at).toISOString() }
        changeRetraining(registry, model, (document) =>
          document.current?.id === now.id && document.current.step === now.step
            ? { ...document, current: { ...document.current, progress: told } }
            : undefined,
        ).catch((error: unknown) => log.warn({ err: error }, 'the progress of a training could not be told'))
      },
    }
  }

  /** Takes the step, unless somebody else has taken one from there. */
  async function enter(model: string, from: Retraining, next: NonNullable<StepResult>): Promise<void> {
    const since = new Date(clock.now()).toISOString()
    const taken = await changeRetraining(registry, model, (document) => {
      const { current } = document
      if (current?.id !== from.id || current.step !== from.step) return undefined
      const now: Retraining = {
        ...current,
        ...next.patch,
        state: next.to,
        reason: next.reason,
        since,
        step: current.step + 1,
        progress: null,
      }
      const begun = next.to === 'training' ? [...document.begun, since] : document.begun
      const unrecorded = [...document.unrecorded, rowOf(model, now, current, holder)]
      return {
        ...document,
        current: now,
        begun: begun.filter((at) => clock.now() - Date.parse(at) < dayMs),
        unrecorded,
      }
    })
    if (taken === undefined) return
    log.info({ model, retraining: from.id, from: from.state, to: next.to, reason: next.reason }, 'retraining')
    await flush(model)
  }

  /** Table `trainings` gets what the document holds for it; while ClickHouse is away, it keeps that. */
  async function flush(model: string): Promise<void> {
    const { unrecorded } = (await readRetraining(registry, model)).document
    if (unrecorded.length === 0) return
    try {
      await withClient(options, (client) => recordSteps(client, unrecorded))
    } catch (error) {
      log.warn({ err: error, rows: unrecorded.length }, 'steps of a retraining are written later')
      return
    }
    const written = new Set(unrecorded.map(({ training_id, step }) => `${training_id} ${step}`))
    await changeRetraining(registry, model, (document) => ({
      ...document,
      unrecorded: document.unrecorded.filter(({ training_id, step }) => !written.has(`${training_id} ${step}`)),
    }))
  }

  async function begin(
    model: string,
    why: Pick<Retraining, 'by' | 'reason' | 'checkId' | 'meaningChanged' | 'promotion'>,
    may: (document: RetrainingDocument) => boolean,
  ): Promise<void> {
    const champion = (await registry.aliases(model)).at.champion
    if (champion === undefined) return
    const since = new Date(clock.now()).toISOString()
    const suffix = Math.floor(random() * 36 ** 4)
    const current: Retraining = {
      ...why,
      id: `${since.replace(/[-:]|\.\d+/g, '').toLowerCase()}-${suffix.toString(36).padStart(4, '0')}`,
      state: 'selecting',
      since,
      step: 1,
      startedAt: since,
      seed: Math.floor(random() * 2 ** 31),
      champion,
      candidate: null,
      data: null,
      progress: null,
      gatesFailed: null,
      expected: null,
      promotedAt: null,
    }
    const begun = await changeRetraining(registry, model, (document) => {
      if (!may(document)) return undefined
      const rows = [...superseded(model, document.current, since), rowOf(model, current, undefined, holder)]
      return { ...document, current, unrecorded: [...document.unrecorded, ...rows] }
    })
    if (begun === undefined) return
    log.info({ model, retraining: current.id, reason: why.reason, by: why.by }, 'a retraining begins')
  }

  /** The last word on a version that waited for a person when the next retraining began. */
  function superseded(model: string, before: Retraining | null, since: string) {
    if (before === null || !awaitsPerson(before)) return []
    const reason = 'nobody promoted it before the next retraining began'
    return [rowOf(model, { ...before, state: 'done', reason, since, step: before.step + 1 }, before, holder)]
  }

  const free = ({ current }: RetrainingDocument) => current === null || !isActive(current) || awaitsPerson(current)

  async function wanted(document: RetrainingDocument, check: CheckResult): Promise<string | undefined> {
    const nowMs = clock.now()
    // Labels are counted last: that is a query, and mostly something cheaper says no.
    const cheap = decide({ document, check, labels: Number.POSITIVE_INFINITY, nowMs }, config)
    if (!cheap.retrain) return tellNo(cheap.reason)
    const recent = { recent_ms: Math.round(config.retrainRecentHours * hourMs) }
    const [counted] = await withClient(options, (client) => select(client, 'label_count', recent))
    const decision = decide({ document, check, labels: counted?.labels ?? 0, nowMs }, config)
    return decision.retrain ? decision.reason : tellNo(decision.reason)
  }

  /** Whether a look at it can find anything to do: a lease is an fsync, and this is asked once a second. */
  async function isDue(model: string, current: Retraining): Promise<boolean> {
    if (!isActive(current)) return false
    const refused = current.gatesFailed !== null && current.gatesFailed.length > 0
    if (awaitsPerson(current) && !refused) return (await registry.aliases(model)).at.champion === current.candidate
    if (current.state !== 'canary' && current.state !== 'watching') return true
    if (clock.now() - lookedMs < lookEveryMs) return false
    lookedMs = clock.now()
    return true
  }

  const tellNo = (reason: string): undefined => void log.debug({ reason }, 'no retraining')

  async function afterWork(model: string): Promise<Retraining | undefined> {
    await Promise.race([work, trainerStarted])
    return (await readRetraining(registry, model)).document.current ?? undefined
  }

  return {
    status,
    async tick(check, signal) {
      if (name === undefined) return undefined // a model that follows no alias is nobody's to replace
      if (work === undefined) {
        const { document } = await readRetraining(registry, name)
        const { current } = document
        const asked = check?.modelName === name ? check : undefined
        const reason = asked === undefined ? undefined : await wanted(document, asked)
        if (asked !== undefined && reason !== undefined) {
          const meaningChanged = detailsOf(asked)?.estimateFailed ?? false
          const { checkId } = asked
          const why = { by: 'drift', reason, checkId, meaningChanged, promotion: config.promotion }
          goOn(name, signal, () => begin(name, why, free))
        } else if (document.unrecorded.length > 0 || (current !== null && (await isDue(name, current)))) {
          goOn(name, signal, async () => undefined)
        }
      }
      return afterWork(name)
    },
    async request({ by, reason, promotion = config.promotion }, signal) {
      if (name === undefined || work !== undefined) return undefined
      const { document } = await readRetraining(registry, name)
      const cap = overCap(document.begun, clock.now(), config.retrainMaxPerDay)
      if (cap !== undefined || !free(document)) return tellNo(cap ?? 'one runs already')
      const before = document.current?.id
      goOn(name, signal, () => begin(name, { by, reason, checkId: '', meaningChanged: false, promotion }, free))
      const current = await afterWork(name)
      return current?.id === before ? undefined : current
    },
    async settled() {
      await work
    },
  }
}
