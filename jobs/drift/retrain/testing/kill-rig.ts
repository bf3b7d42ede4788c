import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { storeClient } from '../../../../clickhouse/client.ts'
import { type StoreProcess, startStoreProcess } from '../../../../clickhouse/embedded/start.ts'
import { insertLabels } from '../../../../clickhouse/labels.ts'
import { scoreRows } from '../../../../clickhouse/testing/score-rows.ts'
import { systemClock } from '../../../../core/clock.ts'
import { type Config, environmentName, loadConfig } from '../../../../core/config.ts'
import { builtModule, packageRoot } from '../../../../core/package-root.ts'
import { openFileRegistry, registryFolder } from '../../../../models/registry/file-registry.ts'
import type { Registry } from '../../../../models/registry/registry.ts'
import { readTraffic } from '../../../../models/registry/traffic.ts'
import { readRetraining } from '../document.ts'
import { isActive, type Retraining } from '../state.ts'
import { labelRows, madePosts, newWords, oldWords, publishChampion, startMs, type Tell } from './small-stream.ts'

const name = 'slang'
const dayMs = 86_400_000

/** Settings under which a loop takes seconds and goes all the way by itself. */
const settings: Partial<Record<keyof Config, string>> = {
  model: name,
  storePort: '0',
  logLevel: 'error',
  promotion: 'auto',
  retrainWorkers: '1',
  retrainCoolDownMinutes: '0',
  retrainMaxPerDay: '100000',
  canaryMinutes: '0',
  canaryPosts: '60',
  canaryShare: '0.2',
  watchMinutes: '0.03',
  // Speed is judged by gates.test.ts; here a candidate must never fail by what else the machine does.
  gateMaxSlowdown: '100',
}

/** With the score job in the loop: the first posts are the baseline, and all that follow have other words. */
const liveSettings: Partial<Record<keyof Config, string>> = {
  workers: '1',
  driftBaselinePosts: '500',
  driftBaselineSeconds: '0',
  driftWindowSeconds: '5',
  driftMinPosts: '200',
  driftLatenessSeconds: '0',
}
const usualPosts = 700
const postsPerStep = 20
const stepMs = 150

export type Phase = Retraining['state'] | 'between'

/**
 * A store, a stream that is scored by whatever version should, and a drift job that can be killed. Linux only: it reads /proc.
 *
 * By default rows stand in for a score job, and every check is called drift: that is quick, and enough for the steps. `live`, the
 * posts go through the log and the real score job, whose canary and swaps they are, and the check's verdict is its own.
 */
export class RetrainingKillRig {
  readonly #env: NodeJS.ProcessEnv
  readonly #folder: string
  readonly #stop = new AbortController()
  readonly #background: Promise<void>[] = []
  readonly #live: boolean
  readonly #parts: ChildProcess[] = []
  readonly config: Config
  #store: StoreProcess | undefined
  #worker: ChildProcess | undefined
  #registry: Registry | undefined
  /** The most trainers that were ever seen at once. */
  mostTrainers = 0
  /** Different trainers that were seen. */
  readonly trainers = new Set<number>()

  constructor(folder: string, { live = false } = {}) {
    this.#folder = folder
    this.#live = live
    const given = Object.entries({ ...settings, ...(live ? liveSettings : {}), data: join(folder, 'data') })
    this.#env = { ...process.env, ...Object.fromEntries(given.map(([key, value]) => [environmentName(key), value])) }
    this.config = loadConfig({}, this.#env, folder).config
  }

  get registry(): Registry {
    if (this.#registry === undefined) throw new Error('the rig is not open')
    return this.#registry
  }

  async open(): Promise<void> {
    const { data, database } = this.config
    this.#store = await startStoreProcess({ data, port: 0, anyPort: true, database, logLevel: 'silent' })
    this.#registry = await openFileRegistry(registryFolder(data))
    await publishChampion(this.#registry, this.#folder)
    const older = madePosts({ rows: 200, seed: 2, tell: oldWords, fromMs: startMs - 30 * dayMs, prefix: 'older' })
    const recent = madePosts({ rows: 450, seed: 3, tell: newWords, fromMs: startMs, prefix: 'recent' })
    const client = storeClient(this.config)
    await insertLabels(client, labelRows([...older, ...recent], startMs + dayMs))
    await client.close()
    if (this.#live) {
      this.#background.push(this.#feed())
      while ((await this.#scored()) < usualPosts) await systemClock.sleep(200)
    } else this.#background.push(this.#scoreStream())
    this.#background.push(this.#countTrainers())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    this.#stop.abort()
    await Promise.allSettled(this.#background)
    for (const part of this.#parts) {
      if (part.exitCode !== null || part.signalCode !== null) continue
      const ended = once(part, 'exit')
      part.kill('SIGTERM')
      await ended
    }
    await this.#store?.[Symbol.asyncDispose]()
  }

  /** @param watchMinutes how long this job watches what it promoted */
  start(watchMinutes = settings.watchMinutes): void {
    const worker = builtModule(import.meta.url, './kill-worker')
    this.#worker = spawn(process.execPath, [worker, ...(this.#live ? [] : ['always-drift'])], {
      env: { ...this.#env, [environmentName('watchMinutes')]: watchMinutes },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }

  /** @returns the phase that it was in */
  async kill(): Promise<Phase> {
    const worker = this.#worker
    this.#worker = undefined
    if (worker !== undefined && worker.exitCode === null && worker.signalCode === null) {
      const ended = once(worker, 'exit')
      worker.kill('SIGKILL')
      await ended
    }
    return this.phase()
  }

  async current(): Promise<Retraining | null> {
    return (await readRetraining(this.registry, name)).document.current
  }

  async phase(): Promise<Phase> {
    const current = await this.current()
    return current === null || !isActive(current) ? 'between' : current.state
  }

  /** Makes the first version champion again, so that another retraining has something to do. */
  async resetChampion(): Promise<void> {
    const at = (await this.registry.aliases(name)).at.champion
    if (at === 1 || at === undefined) return
    await this.registry.setAlias(name, 'champion', 1, { expected: at, by: 'rig', reason: 'the next loop' })
  }

  /** What contradicts what: empty when nothing is half done. Call it while no job runs. */
  async contradictions(): Promise<readonly string[]> {
    const found: string[] = []
    const { registry } = this
    const { document } = await readRetraining(registry, name)
    const { current } = document
    for (const version of await registry.versions(name)) await registry.open(name, version)
    const audit = (await registry.audit(name)).filter(({ by }) => by === 'retraining')
    const promotions = audit.filter(({ to }) => to !== 1).map(({ reason }) => reason.split(':')[0] ?? '')
    if (new Set(promotions).size < promotions.length) found.push('a retraining promoted twice')
    if (current !== null && !isActive(current)) {
      const { challengers } = await readTraffic(registry, name)
      if (challengers.length > 0) found.push(`${current.id} is ${current.state}, and a canary is left over`)
      if (current.state === 'done' && !promotions.includes(`retraining ${current.id}`)) {
        found.push(`${current.id} is done and promoted nothing`)
      }
    }
    const waiting = new Set(document.unrecorded.map(({ training_id, step }) => `${training_id} ${step}`))
    const steps = new Map<string, number[]>()
    for (const { training_id, step } of [...(await this.#trainings()), ...document.unrecorded]) {
      steps.set(training_id, [...(steps.get(training_id) ?? []), step])
    }
    for (const [id, taken] of steps) {
      const distinct = [...new Set(taken)].sort((a, b) => a - b)
      if (distinct.some((step, at) => step !== at + 1))
        found.push(`${id} lacks a row: ${distinct.join(' ')}, ${waiting.size} waiting`)
    }
    if (this.mostTrainers > 1) found.push(`${this.mostTrainers} trainers at once`)
    return found
  }

  async ends(): Promise<Readonly<Record<string, number>>> {
    const ends: Record<string, number> = {}
    for (const { state } of await this.#trainings()) {
      if (['done', 'refused', 'rolled-back', 'failed'].includes(state)) ends[state] = (ends[state] ?? 0) + 1
    }
    return ends
  }

  /** The score job and `driftline ingest stdin` as processes, and posts into it: first usual ones, then such with new words. */
  async #feed(): Promise<void> {
    const part = (args: readonly string[], stdin: 'pipe' | 'ignore') => {
      const bin = join(packageRoot, 'bin/driftline.js')
      const child = spawn(process.execPath, [bin, ...args], { env: this.#env, stdio: [stdin, 'ignore', 'inherit'] })
      this.#parts.push(child)
      return child
    }
    part(['score'], 'ignore')
    const { stdin } = part(['ingest', 'stdin'], 'pipe')
    const made = (tell: Tell, prefix: string) =>
      madePosts({ rows: postsPerStep, seed: offset, tell, fromMs: startMs, prefix: `${prefix}-${offset}` })
    let offset = 0
    for (; !this.#stop.signal.aborted; offset += postsPerStep) {
      const posts = offset < usualPosts ? made(oldWords, 'usual') : made(newWords, 'changed')
      const lines = posts.map(({ id, text, source, lang }) =>
        JSON.stringify({ id, text, source, lang, createdAt: systemClock.now() }),
      )
      stdin?.write(`${lines.join('\n')}\n`)
      if (offset + postsPerStep === usualPosts) while ((await this.#scored()) < usualPosts) await systemClock.sleep(100)
      await systemClock.sleep(stepMs, this.#stop.signal).catch(() => undefined)
    }
    stdin?.end()
  }

  async #scored(): Promise<number> {
    const client = storeClient(this.config)
    try {
      const result = await client.query({ query: 'SELECT count() AS posts FROM scores', format: 'JSONEachRow' })
      return z.array(z.object({ posts: z.coerce.number() })).parse(await result.json())[0]?.posts ?? 0
    } finally {
      await client.close()
    }
  }

  async #trainings() {
    const client = storeClient(this.config)
    try {
      const query = 'SELECT training_id, step, state FROM trainings FINAL'
      const result = await client.query({ query, format: 'JSONEachRow' })
      return z
        .array(z.object({ training_id: z.string(), step: z.coerce.number(), state: z.string() }))
        .parse(await result.json())
    } finally {
      await client.close()
    }
  }

  /** Stands in for the score job: canary and champion score some posts, as traffic and alias say. */
  async #scoreStream(): Promise<void> {
    let offset = 0
    while (!this.#stop.signal.aborted) {
      const champion = (await this.registry.aliases(name)).at.champion
      const canaries = (await readTraffic(this.registry, name)).challengers.map(({ version }) => version)
      const scoredAt = systemClock.now()
      const values = [champion, ...canaries].flatMap((version) =>
        scoreRows(offset, 20).map((row, at) => ({
          ...row,
          scored_at: scoredAt,
          model_name: name,
          model_version: version,
          label: at % 2 === 0 ? 'positive' : 'negative',
          confidence: 0.95,
        })),
      )
      offset += 20
      const client = storeClient(this.config)
      await client.insert({ table: 'scores', values, format: 'JSONEachRow' })
      await client.close()
      await systemClock.sleep(150, this.#stop.signal).catch(() => undefined)
    }
  }

  async #countTrainers(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const pids = trainersOf(this.config.data)
      for (const pid of pids) this.trainers.add(pid)
      this.mostTrainers = Math.max(this.mostTrainers, pids.length)
      await systemClock.sleep(10, this.#stop.signal).catch(() => undefined)
    }
  }
}

/** Processes that train or judge in a data folder. */
function trainersOf(data: string): readonly number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return command.includes('retrain/trainer/main') && command.includes(data) ? [Number(pid)] : []
    } catch {
      return [] // it ended meanwhile
    }
  })
}
