import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Clock, systemClock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { loadModelDirectory, type ModelDirectory, manifestFile, readManifest } from '../model-directory.ts'
import { abandonedDrafts, Disk, draftIn, entries, numbered } from './disk.ts'
import type { Documents } from './documents.ts'
import { FileDocuments } from './file-documents.ts'
import type { Manifest } from './manifest.ts'
import { parseFile } from './parse-file.ts'
import {
  type Aliases,
  type AliasMove,
  aliasName,
  Change,
  checkedName,
  moved,
  type Published,
  type Registry,
} from './registry.ts'

export interface FileRegistryOptions {
  readonly clock?: Clock
  /** See `Disk`. */
  readonly disk?: Disk
}

/** Part of certificate.json that counts here; training writes and explains the rest. */
const Certificate = z.looseObject({ passed: z.boolean() })

/** Where the registry of a data folder is. */
export const registryFolder = (data: string): string => join(data, 'registry')

/**
 * Opens a registry in a folder, which is made by the first publication, and removes what killed processes left behind.
 *
 * `<root>/<name>/versions/<n>/` is a model directory, `<root>/<name>/changes/<n>.json` a move of an alias,
 * `<root>/<name>/documents/` see `FileDocuments`, and `<root>/.drafts/` holds what is being written. Each is written there, synced, and placed under the next free number in
 * one step that fails when another process was faster. So there is no lock, and none to be left behind by a process
 * that is killed.
 */
export async function openFileRegistry(root: string, options: FileRegistryOptions = {}): Promise<Registry> {
  const registry = new FileRegistry(root, options)
  await registry.clean()
  return registry
}

class FileRegistry implements Registry {
  readonly documents: Documents
  readonly #root: string
  readonly #drafts: string
  readonly #clock: Clock
  readonly #disk: Disk

  constructor(root: string, { clock = systemClock, disk = new Disk() }: FileRegistryOptions) {
    this.#root = root
    this.#drafts = join(root, '.drafts')
    this.#clock = clock
    this.#disk = disk
    const [folderOf, drafts] = [this.#documentsOf, this.#drafts]
    this.documents = new FileDocuments({ folderOf, keyOf: checkedName, drafts, disk, clock })
  }

  async clean(): Promise<void> {
    for (const draft of await abandonedDrafts(this.#drafts)) await this.#disk.remove(draft)
  }

  async names(): Promise<readonly string[]> {
    const names = (await entries(this.#root)).filter((name) => aliasName.safeParse(name).success).sort()
    const versions = await Promise.all(names.map((name) => this.versions(name)))
    return names.filter((_, index) => versions[index]?.length !== 0)
  }

  async publish(directory: string): Promise<Published> {
    const { path, manifest } = await loadModelDirectory(directory)
    const { name } = manifest
    const stored = await this.#find(manifest)
    if (stored !== undefined) return { name, version: stored, created: false }
    const disk = this.#disk
    await disk.folder(this.#drafts)
    await disk.folder(this.#versionsOf(name))
    await disk.folder(this.#changesOf(name)) // these two so that they can be watched from the start
    await disk.folder(this.#documentsOf(name))
    const draft = draftIn(this.#drafts)
    await disk.folder(draft)
    try {
      for (const file of Object.keys(manifest.files)) await disk.copy(join(path, file), join(draft, file))
      for (;;) {
        const version = ((await this.versions(name)).at(-1) ?? 0) + 1
        await disk.write(join(draft, manifestFile), `${JSON.stringify({ ...manifest, version }, null, 2)}\n`)
        await disk.sync(draft)
        await loadModelDirectory(draft) // the source may have changed under the copy
        if (await disk.placeFolder(draft, this.#versionAt(name, version))) return { name, version, created: true }
        const others = await this.#find(manifest)
        if (others !== undefined) return { name, version: others, created: false }
      }
    } finally {
      await disk.remove(draft)
    }
  }

  /** The version that differs from `manifest` in nothing but its number. */
  async #find(manifest: Manifest): Promise<number | undefined> {
    for (const version of await this.versions(manifest.name)) {
      const stored = await this.manifest(manifest.name, version)
      if (isDeepStrictEqual({ ...stored, version: 0 }, { ...manifest, version: 0 })) return version
    }
    return undefined
  }

  async versions(name: string): Promise<readonly number[]> {
    return numbered(await entries(this.#versionsOf(name)), '')
  }

  async manifest(name: string, version: number): Promise<Manifest> {
    await this.#mustHave(name, version)
    return this.#checked(name, version, await readManifest(this.#versionAt(name, version)))
  }

  async open(name: string, version: number): Promise<ModelDirectory> {
    await this.#mustHave(name, version)
    const directory = await loadModelDirectory(this.#versionAt(name, version))
    this.#checked(name, version, directory.manifest)
    return directory
  }

  async #mustHave(name: string, version: number): Promise<void> {
    const versions = await this.versions(name)
    if (!versions.includes(version)) throw new DriftlineError('VERSION_UNKNOWN', { model: name, version, versions })
  }

  #checked(name: string, version: number, manifest: Manifest): Manifest {
    if (manifest.name === name && manifest.version === version) return manifest
    const reason = `it says that it is ${manifest.name} version ${manifest.version}`
    throw new DriftlineError('MODEL_INVALID', { reason, file: manifestFile, model: this.#versionAt(name, version) })
  }

  async aliases(name: string): Promise<Aliases> {
    const change = (await this.#changes(name)).at(-1) ?? 0
    return { change, at: change === 0 ? {} : (await this.#change(name, change)).aliases }
  }

  async setAlias(name: string, alias: string, to: number, move: AliasMove): Promise<Change> {
    const { expected, by, reason, force = false } = move
    const forced = !(await this.#certified(name, to))
    if (forced && !(force && reason !== '')) {
      throw new DriftlineError('CERTIFICATE_MISSING', { model: name, version: to })
    }
    const disk = this.#disk
    await disk.folder(this.#drafts)
    await disk.folder(this.#changesOf(name))
    const draft = draftIn(this.#drafts)
    try {
      for (;;) {
        const { change: last, at } = await this.aliases(name)
        const from = at[alias]
        if (from !== expected) {
          throw new DriftlineError('ALIAS_MOVED', {
            model: name,
            alias,
            expected: expected ?? null,
            found: from ?? null,
          })
        }
        const change = Change.parse({
          schema: 1,
          change: last + 1,
          at: new Date(this.#clock.now()).toISOString(),
          by,
          alias: checkedName(alias),
          from: from ?? null,
          to,
          reason,
          forced,
          aliases: moved(at, alias, to),
        })
        await disk.write(draft, `${JSON.stringify(change, null, 2)}\n`)
        if (await disk.placeFile(draft, this.#changeAt(name, change.change))) return change
      }
    } finally {
      await disk.remove(draft)
    }
  }

  async #certified(name: string, version: number): Promise<boolean> {
    const { path, manifest } = await this.open(name, version)
    const file = 'certificate.json'
    if (!Object.hasOwn(manifest.files, file)) return false
    return parseFile(Certificate, await readFile(join(path, file), 'utf8'), join(path, file)).passed
  }

  async audit(name: string): Promise<readonly Change[]> {
    return Promise.all((await this.#changes(name)).map((change) => this.#change(name, change)))
  }

  watch(name: string, onChange: () => void, signal: AbortSignal): void {
    for (const folder of [this.#changesOf(name), this.#documentsOf(name)]) {
      try {
        const watcher = watch(folder, { persistent: false, signal }, onChange)
        watcher.on('error', () => watcher.close()) // no more hints
      } catch (error) {
        // There is no folder yet, the system has no watch left, or the file system knows none: no hints then.
        if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error
      }
    }
  }

  async #changes(name: string): Promise<number[]> {
    return numbered(await entries(this.#changesOf(name)), '.json')
  }

  async #change(name: string, change: number): Promise<Change> {
    const file = this.#changeAt(name, change)
    return parseFile(Change, await readFile(file, 'utf8'), file)
  }

  #versionsOf = (name: string): string => join(this.#root, checkedName(name), 'versions')
  #versionAt = (name: string, version: number): string => join(this.#versionsOf(name), String(version))
  #documentsOf = (name: string): string => join(this.#root, checkedName(name), 'documents')
  #changesOf = (name: string): string => join(this.#root, checkedName(name), 'changes')
  #changeAt = (name: string, change: number): string => join(this.#changesOf(name), `${change}.json`)
}
