import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { readRetraining } from '../../jobs/drift/retrain/document.ts'
import { isActive, type Retraining } from '../../jobs/drift/retrain/state.ts'
import { failedGates, GateReport, gateFiles } from '../../models/gates/report.ts'
import type { Manifest } from '../../models/registry/manifest.ts'
import type { Aliases, Registry } from '../../models/registry/registry.ts'
import { readTraffic } from '../../models/registry/traffic.ts'
import type { ModelInfo, ModelsPage, Training, VersionInfo } from '../models-api.ts'
import { remembered } from './remembered.ts'
import type { StoreSession } from './store-session.ts'

/** What the models page shows. */
export interface ModelsFeed {
  page(): Promise<ModelsPage>
  /** gates.html of a version; `undefined` when there is none. */
  gatesPage(name: string, version: number): Promise<string | undefined>
}

const shownModels = 20
const shownVersions = 50
const shownChanges = 30
const shownSwaps = 30
/** A page is at most this old, in milliseconds. */
const freshMs = 1_000

interface Gates {
  readonly report: VersionInfo['gates']
  readonly page: string | undefined
}

/** @param registry opens it on first use, and again after that failed */
export function registryModelsFeed(registry: () => Promise<Registry>, session: StoreSession, clock: Clock): ModelsFeed {
  let opened: Promise<Registry> | undefined
  const open = () => {
    opened ??= registry()
    opened.catch(() => {
      opened = undefined
    })
    return opened
  }
  // Versions are written once, so what was read of one stays true; reading verifies every file, which takes a while.
  const lasting = <T>(make: (from: Registry, name: string, version: number) => Promise<T>) => {
    const known = remembered(
      clock,
      Number.POSITIVE_INFINITY,
      async (key) => {
        const [name = '', version] = key.split('@')
        return make(await open(), name, Number(version))
      },
      shownModels * shownVersions,
    )
    return (name: string, version: number) => known.get(`${name}@${version}`)
  }
  const gatesOf = lasting(readGates)
  const manifestOf = lasting((from, name, version) => from.manifest(name, version))

  async function modelInfo(name: string): Promise<ModelInfo> {
    const from = await open()
    const [versions, aliases, audit, traffic, training] = await Promise.all([
      from.versions(name),
      from.aliases(name),
      from.audit(name),
      trafficOf(from, name),
      readTraining(from, name),
    ])
    const newest = versions.toReversed().slice(0, shownVersions)
    return {
      name,
      versions: await Promise.all(
        newest.map(async (version) => {
          const manifest = await manifestOf(name, version)
          const judged = gateFiles.report in manifest.files ? (await gatesOf(name, version)).report : null
          return versionInfo(manifest, version, aliases, judged)
        }),
      ),
      changes: audit
        .toReversed()
        .slice(0, shownChanges)
        .map(({ at, by, alias, from: before, to, reason, forced }) => ({
          at,
          by,
          alias,
          from: before,
          to,
          reason,
          forced,
        })),
      ...traffic,
      training,
    }
  }

  async function readPage(): Promise<ModelsPage> {
    const names = (await (await open()).names()).slice(0, shownModels)
    const [models, swaps] = await Promise.all([Promise.all(names.map(modelInfo)), readSwaps(session)])
    return { atMs: clock.now(), models, swaps }
  }
  const pages = remembered(clock, freshMs, readPage)

  return {
    page: () => pages.get(),
    async gatesPage(name, version) {
      const from = await open()
      if (!(await from.versions(name)).includes(version)) return undefined
      return (await gatesOf(name, version)).page
    },
  }
}

function versionInfo(manifest: Manifest, version: number, { at }: Aliases, gates: VersionInfo['gates']): VersionInfo {
  return {
    version,
    parent: manifest.parent,
    createdAt: manifest.createdAt,
    bytes: Object.values(manifest.files).reduce((sum, { bytes }) => sum + bytes, 0),
    accuracy: manifest.metrics.accuracy ?? null,
    origin: originOf(manifest),
    aliases: Object.keys(at).filter((alias) => at[alias] === version),
    gates,
  }
}

function originOf({ lineage }: Manifest): string {
  if (lineage === undefined) return ''
  const days = [lineage.dataFrom, lineage.dataTo].map((time) => time?.slice(0, 10))
  const span = days[0] === undefined ? '' : `, written ${days[0]} to ${days[1] ?? days[0]}`
  const replayed = lineage.replayed > 0 ? ` and ${lineage.replayed} replayed posts` : ''
  return `${lineage.labels} labels${replayed}${span}`
}

async function readGates(registry: Registry, name: string, version: number): Promise<Gates> {
  const { path, manifest } = await registry.open(name, version)
  const read = async (file: string) => (file in manifest.files ? await readFile(join(path, file), 'utf8') : undefined)
  const [text, page] = await Promise.all([read(gateFiles.report), read(gateFiles.page)])
  const report = text === undefined ? undefined : GateReport.parse(JSON.parse(text))
  return {
    report:
      report === undefined
        ? null
        : { passed: report.passed, failed: [...failedGates(report)], page: page !== undefined },
    page,
  }
}

async function trafficOf(registry: Registry, name: string): Promise<Pick<ModelInfo, 'challengers' | 'ended'>> {
  const { challengers, ended } = await readTraffic(registry, name)
  return {
    challengers: challengers.map(({ version, mode, share, by, reason, since }) => ({
      version,
      mode,
      share,
      by,
      reason,
      since,
    })),
    ended: [...ended],
  }
}

async function readTraining(registry: Registry, name: string): Promise<Training | null> {
  const { current } = (await readRetraining(registry, name)).document
  return current === null ? null : trainingOf(current)
}

function trainingOf(current: Retraining): Training {
  const { state, reason, by, startedAt, since, champion, candidate, data, progress } = current
  const { step, totalSteps, remainingMs } = progress ?? {}
  return {
    state,
    active: isActive(current),
    reason,
    by,
    startedAt,
    since,
    champion,
    candidate,
    data: data === null ? null : { train: data.train, replayed: data.replayed, heldOut: data.heldOut },
    phase: progress?.phase ?? '',
    done: step === undefined || totalSteps === undefined || totalSteps === 0 ? null : Math.min(1, step / totalSteps),
    remainingMs: remainingMs ?? null,
  }
}

/** The registry is told also while ClickHouse is away. */
async function readSwaps(session: StoreSession): Promise<ModelsPage['swaps']> {
  try {
    return (await session.select('page_swaps', { rows: shownSwaps })).map((row) => ({
      atMs: row.swapped_at_ms,
      model: row.model_name,
      from: row.from_version,
      to: row.to_version,
      partitions: row.partitions,
      pauseMs: row.pause_us / 1000,
      loadMs: row.load_ms,
      by: row.by,
      outcome: row.outcome,
      reason: row.why,
    }))
  } catch (error) {
    if (error instanceof DriftlineError && error.code === 'STORE_UNAVAILABLE') return null
    throw error
  }
}
