import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { systemClock } from '../core/clock.ts'
import { DriftlineError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { packageRoot } from '../core/package-root.ts'
import { proveModel, proveWithAnswers } from '../inference/proof/prove-model.ts'
import { adoptBundled, bundledName } from '../models/load-model.ts'
import { loadModelDirectory } from '../models/model-directory.ts'
import { proofLimits } from '../models/proof/report.ts'
import { type Base, type HostileModel, hostileModels, writeHostile } from '../models/proof/testing/hostile.ts'
import { Disk } from '../models/registry/disk.ts'
import { openFileRegistry, registryFolder } from '../models/registry/file-registry.ts'
import { FileStore } from '../models/registry/file-store.ts'
import type { Registry } from '../models/registry/registry.ts'
import { SwapRig } from './swap-rig.ts'
import { until } from './until.ts'

export interface Outcome {
  /** Code of an error, or `passed`. */
  readonly outcome: string
  readonly reason: string
  readonly ms: number
}

/** What became of a hostile model. */
export interface Tried {
  readonly group: string
  readonly name: string
  readonly seed: number
  /** Codes of which one must come. */
  readonly refused: readonly string[]
  readonly mayPass: boolean
  /** Tried as `models publish` and `models promote` do. */
  readonly published: Outcome
  /** Put into the registry of the running job by somebody who can write there, and made champion. */
  readonly job: Outcome | undefined
}

const Latency = z.object({ posts: z.coerce.number(), p50Ms: z.coerce.number(), p99Ms: z.coerce.number() })

/** Publishers that try at the same time. */
const publishers = 2

/**
 * Tries hostile models twice: by the way that everybody goes, in a registry of its own, and, those that it refuses, by writing them
 * into the registry of a running job, past every rule, as somebody could who got hold of the bucket or the folder.
 */
export class HostileRig {
  readonly #folder: string
  readonly #seconds: number
  readonly #rig: SwapRig
  readonly #signal = new AbortController().signal
  #peakMb = 0

  constructor(folder: string, seconds: number) {
    this.#folder = folder
    this.#seconds = seconds
    // The job says each refusal as an error; a thousand of them would drown the table.
    this.#rig = new SwapRig(folder, 1, { DRIFTLINE_PROOF_SECONDS: String(seconds), DRIFTLINE_LOG_LEVEL: 'silent' })
  }

  async run(count: number, before: number, rate: number) {
    await adoptBundled(await openFileRegistry(registryFolder(this.#rig.data)))
    await this.#rig.start()
    const stream = this.#rig.stream(rate)
    await systemClock.sleep(3000) // past the start of the stream
    const quietFrom = systemClock.now()
    await systemClock.sleep(5000)
    const from = systemClock.now()
    const tried = await this.#tryAll(hostileModels(count), before)
    const to = systemClock.now()
    await this.#intrude(1, 'back to the one that scores')
    await stream.end()
    await this.#rig.drained()
    const versions = await this.#rig.rows(
      'SELECT DISTINCT model_version AS version FROM scores ORDER BY version',
      z.object({ version: z.number() }),
    )
    return {
      tried,
      versions: versions.map(({ version }) => version),
      alive: this.#rig.scores,
      verified: await this.#rig.verify(),
      quiet: await this.#latency(quietFrom, from),
      during: await this.#latency(from, to),
      seconds: (to - from) / 1000,
      peakMb: this.#peakMb,
    }
  }

  stop = (): Promise<void> => this.#rig.stop()

  async #tryAll(models: readonly HostileModel[], before: number): Promise<Tried[]> {
    const base = await this.#base()
    const registry = await openFileRegistry(join(this.#folder, 'front'))
    const tried: Tried[] = []
    let [next, left] = [0, before]
    let job: Promise<unknown> = Promise.resolve() // one at a time: the job follows one alias
    const publisher = async () => {
      for (let model = models[next++]; model !== undefined; model = models[next++]) {
        const { recipe, seed } = model
        const version = seed + 1
        const path = join(this.#folder, `hostile-${seed}`)
        await writeHostile(model, { ...base, manifest: { ...base.manifest, version } }, path)
        const published = await this.#publish(registry, path)
        const toJob = published.outcome !== 'passed' && left-- > 0
        const answer = toJob ? job.then(() => this.#putBefore(path, version, seed)) : undefined
        job = answer ?? job
        const { group, name, refused, mayPass = false } = recipe
        tried.push({ group, name, seed, refused, mayPass, published, job: await answer })
        await rm(path, { recursive: true, force: true })
      }
    }
    await Promise.all(Array.from({ length: publishers }, publisher))
    return tried
  }

  /** A small model that works, with everything that one needs to become champion. */
  async #base(): Promise<Base> {
    const path = join(packageRoot, 'test/fixtures/models/bag')
    const directory = await loadModelDirectory(path)
    const golden = await proveWithAnswers(directory, { log: silentLog, signal: this.#signal })
    const { files: _, ...facts } = directory.manifest
    const made = { 'golden.json': golden, 'certificate.json': { passed: true } }
    const more = Object.entries(made).map(([name, value]) => [name, Buffer.from(JSON.stringify(value))] as const)
    return { files: new Map([...directory.files, ...more]), manifest: { ...facts, name: bundledName } }
  }

  async #publish(registry: Registry, path: string): Promise<Outcome> {
    const startedMs = performance.now()
    const outcome = (code: string, reason: string) => ({ outcome: code, reason, ms: performance.now() - startedMs })
    try {
      const directory = await loadModelDirectory(path)
      const limits = proofLimits(directory.manifest, this.#seconds)
      const report = await proveModel(directory, { limits, log: silentLog, signal: this.#signal })
      this.#saw(report?.peakMb)
      const { name, version } = await registry.publish(path)
      const expected = (await registry.aliases(name)).at.champion
      await registry.setAlias(name, 'champion', version, { expected, by: 'mallory', reason: 'looks fine' })
      return outcome('passed', '')
    } catch (error) {
      if (!(error instanceof DriftlineError)) throw error
      this.#saw(error.details.peakMb)
      return outcome(error.code, error.message)
    }
  }

  #saw(peakMb: unknown): void {
    if (typeof peakMb === 'number') this.#peakMb = Math.max(this.#peakMb, peakMb)
  }

  /** Puts a directory where the job looks for a version, makes it champion, and waits for what the job says. */
  async #putBefore(path: string, version: number, seed: number): Promise<Outcome> {
    const versions = join(registryFolder(this.#rig.data), bundledName, 'versions')
    const place = join(versions, String(version))
    await mkdir(versions, { recursive: true })
    await rename(path, place).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EXDEV') throw error
      await cp(path, place, { recursive: true })
    })
    const startedMs = performance.now()
    await this.#intrude(version, `hostile ${seed}`)
    let said: { outcome: string; reason: string } | undefined
    await until(`an answer about version ${version}`, async () => {
      ;[said] = await this.#rig.rows(
        'SELECT outcome, reason FROM swaps WHERE to_version = {version:UInt32}',
        z.object({ outcome: z.string(), reason: z.string() }),
        { version },
      )
      return said !== undefined
    })
    const ms = performance.now() - startedMs
    await rm(place, { recursive: true, force: true })
    return { outcome: said?.outcome ?? '', reason: said?.reason ?? '', ms }
  }

  /** Moves the champion without asking any rule. */
  async #intrude(to: number, reason: string): Promise<void> {
    const store = new FileStore(registryFolder(this.#rig.data), systemClock, new Disk())
    const change = await store.lastEntry(bundledName)
    const { aliases } = await store.entry(bundledName, change)
    const at = new Date(systemClock.now()).toISOString()
    const facts = { by: 'mallory', alias: 'champion', from: aliases.champion ?? null, to, reason, forced: false }
    const entry = {
      schema: 1 as const,
      change: change + 1,
      at,
      ...facts,
      aliases: { champion: to, previous: 1 },
      removed: [],
    }
    if (!(await store.append(bundledName, entry))) throw new Error('somebody else writes to the registry of the bench')
  }

  async #latency(from: number, to: number): Promise<z.infer<typeof Latency>> {
    const [latency] = await this.#rig.rows(
      `SELECT
         toUInt32(count()) AS posts,
         quantileExact(0.5)(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)) AS p50Ms,
         quantileExact(0.99)(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)) AS p99Ms
       FROM scores WHERE toUnixTimestamp64Milli(ingested_at) BETWEEN {from:Int64} AND {to:Int64}`,
      Latency,
      { from, to },
    )
    if (latency === undefined) throw new Error('a sum is a row')
    return latency
  }
}
