import { DriftlineError } from '../../core/errors.ts'
import { manifestOrDamage, type Registry } from './registry.ts'
import { usesOf } from './uses.ts'

export interface CollectOptions {
  /** Newest versions that stay whether they are used or not. */
  readonly keep: number
  /** How long a version must have been out of use. */
  readonly unusedMs: number
  readonly nowMs: number
  /** See `usesOf`. */
  readonly running: readonly number[]
}

export interface Judged {
  readonly version: number
  /** 0 where the manifest cannot be read. */
  readonly bytes: number
  /** Why it stays; empty for a version that nothing needs. */
  readonly kept: readonly string[]
}

/** Judges each version of a model: what nothing needs may go. */
export async function judgeVersions(registry: Registry, name: string, options: CollectOptions): Promise<Judged[]> {
  const { keep, unusedMs, nowMs, running } = options
  const uses = await usesOf(registry, name, running)
  const lastUsed = await lastMoves(registry, name)
  const versions = await registry.versions(name)
  const newest = new Set(keep === 0 ? [] : versions.slice(-keep))
  return Promise.all(
    versions.map(async (version) => {
      const manifest = await manifestOrDamage(registry, name, version)
      if (manifest instanceof DriftlineError) {
        const why = 'its manifest cannot be read, so its age is not known: look at it, then use models delete'
        return { version, bytes: 0, kept: [...(uses.get(version) ?? []), why] }
      }
      const { createdAt, files } = manifest
      const since = Math.max(Date.parse(createdAt), lastUsed.get(version) ?? 0)
      const kept = [...(uses.get(version) ?? [])]
      if (newest.has(version)) kept.push(`among the newest ${keep}`)
      if (nowMs - since < unusedMs) kept.push(`in use or made at ${new Date(since).toISOString()}`)
      return { version, kept, bytes: Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0) }
    }),
  )
}

/** When an alias last came to a version or left it. */
async function lastMoves(registry: Registry, name: string): Promise<ReadonlyMap<number, number>> {
  const moves = new Map<number, number>()
  for (const { from, to, at } of await registry.audit(name)) {
    for (const version of [from, to]) if (version !== null) moves.set(version, Date.parse(at))
  }
  return moves
}

/**
 * What a removal would find, for one that only asks.
 *
 * @throws DriftlineError `VERSION_IN_USE` with every use, `VERSION_UNKNOWN`
 */
export async function mustBeUnused(
  registry: Registry,
  name: string,
  version: number,
  running: readonly number[],
): Promise<void> {
  const versions = await registry.versions(name)
  if (!versions.includes(version)) throw new DriftlineError('VERSION_UNKNOWN', { model: name, version, versions })
  const uses = (await usesOf(registry, name, running)).get(version)
  if (uses !== undefined) throw new DriftlineError('VERSION_IN_USE', { model: name, version, uses })
}
