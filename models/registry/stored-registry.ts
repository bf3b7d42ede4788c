import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { loadModelDirectory, type ModelDirectory, manifestFile } from '../model-directory.ts'
import type { Documents } from './documents.ts'
import type { Manifest } from './manifest.ts'
import { mayTakeAlias } from './may-take-alias.ts'
import {
  type Aliases,
  type AliasMove,
  type ChallengeOrder,
  type Change,
  checkedName,
  type LogEntry,
  moved,
  type Published,
  type Registry,
  type Removal,
  type RemovalOrder,
} from './registry.ts'
import { requireSignature } from './signatures.ts'
import type { TrustedKey } from './signing-keys.ts'
import { type Leftover, longestPublicationMs, type Store } from './store.ts'
import { fenceTraffic, readTraffic } from './traffic.ts'
import { usesGiven } from './uses.ts'

/** What all registries do alike, wherever they are kept. */
export class StoredRegistry implements Registry {
  readonly documents: Documents
  readonly #store: Store
  readonly #clock: Clock
  readonly #trusted: readonly TrustedKey[]

  /** @param trusted keys of which one must have signed a version that is opened or gets an alias; none: any version will do */
  constructor(store: Store, clock: Clock, trusted: readonly TrustedKey[] = []) {
    this.#store = store
    this.#clock = clock
    this.#trusted = trusted
    this.documents = store.documents
  }

  async names(): Promise<readonly string[]> {
    const names = [...(await this.#store.names())].sort()
    const isKnown = async (name: string) =>
      (await this.versions(name)).length > 0 || Object.keys((await this.aliases(name)).at).length > 0
    const known = await Promise.all(names.map(isKnown))
    return names.filter((_, index) => known[index])
  }

  async publish(path: string): Promise<Published> {
    const directory = await loadModelDirectory(path)
    const { manifest } = directory
    const name = checkedName(manifest.name)
    const stored = await this.#find(manifest)
    if (stored !== undefined) return { name, version: stored, created: false }
    const startedMs = this.#clock.now()
    const draft = await this.#store.draft(directory)
    try {
      for (;;) {
        const version = await this.#free(name)
        if (this.#clock.now() - startedMs > longestPublicationMs / 2) {
          throw new DriftlineError('REGISTRY_UNAVAILABLE', { reason: 'it took hours to copy the model', model: name })
        }
        // Looked for after the number was chosen: whoever publishes the same from here on takes that very number.
        const others = await this.#find(manifest)
        if (others !== undefined) return { name, version: others, created: false }
        if (!(await draft.place(version))) continue
        if (!(await this.#state(name)).removed.includes(version)) return { name, version, created: true }
        return await this.publish(path) // since it was chosen, somebody else had this number, and it was removed
      }
    } finally {
      await draft.discard()
    }
  }

  /** The version that differs from `manifest` in nothing but its number. */
  async #find(manifest: Manifest): Promise<number | undefined> {
    for (const version of await this.versions(manifest.name)) {
      const stored = await this.manifest(manifest.name, version).catch(unlessUnreadable)
      if (stored !== undefined && isDeepStrictEqual({ ...stored, version: 0 }, { ...manifest, version: 0 }))
        return version
    }
    return undefined
  }

  /** The next number. The versions first: one that is taken away in between is then in the log. */
  async #free(name: string): Promise<number> {
    const there = await this.#store.versions(name)
    return Math.max(0, ...there, ...(await this.#state(name)).removed) + 1
  }

  async versions(name: string): Promise<readonly number[]> {
    const there = await this.#store.versions(checkedName(name))
    if (there.length === 0) return there
    const { removed } = await this.#state(name)
    return there.filter((version) => !removed.includes(version))
  }

  async manifest(name: string, version: number): Promise<Manifest> {
    await this.#mustHave(name, version)
    return checked(name, version, await this.#here(name, version, this.#store.manifest(name, version)))
  }

  async open(name: string, version: number): Promise<ModelDirectory> {
    const manifest = await this.manifest(name, version)
    if (this.#trusted.length > 0) await requireSignature(this.documents, manifest, this.#trusted)
    const directory = await this.#here(name, version, this.#store.open(name, version))
    checked(name, version, directory.manifest)
    if (isDeepStrictEqual(directory.manifest, manifest)) return directory
    throw new DriftlineError('MODEL_INVALID', {
      reason: 'its manifest changed while it was read',
      model: directory.path,
    })
  }

  async #mustHave(name: string, version: number): Promise<void> {
    const versions = await this.versions(name)
    if (!versions.includes(version)) throw new DriftlineError('VERSION_UNKNOWN', { model: name, version, versions })
  }

  /** What is read of a version; when that fails because the version was removed meanwhile, the error says so. */
  async #here<Result>(name: string, version: number, reading: Promise<Result>): Promise<Result> {
    try {
      return await reading
    } catch (error) {
      await this.#mustHave(name, version)
      throw error
    }
  }

  async aliases(name: string): Promise<Aliases> {
    const { change, at } = await this.#state(checkedName(name))
    return { change, at }
  }

  async #state(name: string): Promise<Aliases & { readonly removed: readonly number[] }> {
    const change = await this.#store.lastEntry(name)
    if (change === 0) return { change, at: {}, removed: [] }
    const { aliases, removed } = await this.#store.entry(name, change)
    return { change, at: aliases, removed }
  }

  async setAlias(name: string, alias: string, to: number, move: AliasMove): Promise<Change> {
    const { expected, by, reason, force = false } = move
    checkedName(alias)
    const forced = mayTakeAlias(await this.open(name, to), { force, reason })
    return this.#append(name, ({ change, at, removed }) => {
      const from = at[alias]
      if (from !== expected) {
        const [was, is] = [expected ?? null, from ?? null]
        throw new DriftlineError('ALIAS_MOVED', { model: name, alias, expected: was, found: is })
      }
      mustNotBe(removed, name, to)
      const aliases = moved(at, alias, to)
      return {
        schema: 1,
        change: change + 1,
        at: this.#now(),
        by,
        alias,
        from: from ?? null,
        to,
        reason,
        forced,
        aliases,
        removed: [...removed],
      }
    })
  }

  async announceChallenger(name: string, version: number, { by, reason }: ChallengeOrder): Promise<void> {
    await this.#append(checkedName(name), ({ change, at, removed }) => {
      mustNotBe(removed, name, version)
      return {
        schema: 1,
        change: change + 1,
        at: this.#now(),
        by,
        challenge: version,
        reason,
        aliases: { ...at },
        removed: [...removed],
      }
    })
  }

  /**
   * What uses a version is told by two: aliases by the log, challengers by the traffic. So the removal reads the end of the
   * log, then the traffic, and takes the entry right behind that end or none. An alias that moved since has that entry. A
   * challenger that was announced since has it, too. One that was announced before has read the traffic before, and has
   * either written it, and is seen, or finds it fenced, and has to announce itself again.
   */
  async remove(name: string, version: number, { by, reason, running = [] }: RemovalOrder): Promise<Removal> {
    if (reason === '') throw new DriftlineError('USAGE', { reason: 'a removal needs a reason' })
    await this.#mustHave(name, version)
    for (;;) {
      const { change, at, removed } = await this.#state(name)
      mustNotBe(removed, name, version)
      const traffic = await readTraffic(this, name)
      const { challengers } = traffic
      const uses = (await usesGiven(this, name, { aliases: at, challengers, running })).get(version)
      if (uses !== undefined) throw new DriftlineError('VERSION_IN_USE', { model: name, version, uses })
      if (!(await fenceTraffic(this, name, traffic))) continue
      const removal: Removal = {
        schema: 1,
        change: change + 1,
        at: this.#now(),
        by,
        remove: version,
        reason,
        aliases: { ...at },
        removed: [...removed, version].sort((a, b) => a - b),
      }
      if (!(await this.#store.append(name, removal))) continue
      await this.#store.take(name, version)
      return removal
    }
  }

  /** Adds to the log what `next` makes of its end, again whenever another writer was faster. */
  async #append<Entry extends LogEntry>(
    name: string,
    next: (state: Aliases & { readonly removed: readonly number[] }) => Entry,
  ): Promise<Entry> {
    for (;;) {
      const entry = next(await this.#state(name))
      if (await this.#store.append(name, entry)) return entry
    }
  }

  async leftovers(): Promise<readonly Leftover[]> {
    const leftovers = [...(await this.#store.abandoned())]
    for (const name of await this.#store.names()) {
      const { removed } = await this.#state(name)
      for (const version of await this.#store.versions(name)) {
        if (!removed.includes(version)) continue
        leftovers.push({ what: `${name}@${version}, removed`, remove: () => this.#store.take(name, version) })
      }
    }
    return leftovers
  }

  async lastMove(name: string, alias: string): Promise<Change | undefined> {
    for (let number = await this.#store.lastEntry(checkedName(name)); number > 0; number--) {
      const entry = await this.#store.entry(name, number)
      if ('alias' in entry && entry.alias === alias) return entry
    }
    return undefined
  }

  async audit(name: string): Promise<readonly Change[]> {
    return (await this.log(name)).flatMap((entry) => ('alias' in entry ? [entry] : []))
  }

  async log(name: string): Promise<readonly LogEntry[]> {
    const length = await this.#store.lastEntry(checkedName(name))
    return Promise.all(Array.from({ length }, (_, index) => this.#store.entry(name, index + 1)))
  }

  watch(name: string, onChange: () => void, signal: AbortSignal): void {
    this.#store.watch(checkedName(name), onChange, signal)
  }

  #now = (): string => new Date(this.#clock.now()).toISOString()
}

/** @throws DriftlineError `VERSION_UNKNOWN` */
function mustNotBe(removed: readonly number[], name: string, version: number): void {
  if (removed.includes(version))
    throw new DriftlineError('VERSION_UNKNOWN', { model: name, version, reason: 'it was removed' })
}

function checked(name: string, version: number, manifest: Manifest): Manifest {
  if (manifest.name === name && manifest.version === version) return manifest
  const reason = `it says that it is ${manifest.name} version ${manifest.version}`
  throw new DriftlineError('MODEL_INVALID', { reason, file: manifestFile, model: `${name}@${version}` })
}

/** A version that somebody has damaged or removed meanwhile is not the same as any, and keeps nobody from publishing. */
function unlessUnreadable(error: unknown): undefined {
  const codes = ['MODEL_INVALID', 'VERSION_UNKNOWN']
  if (!(error instanceof DriftlineError && codes.includes(error.code))) throw error
}
