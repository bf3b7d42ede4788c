import { watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { loadModelDirectory, type ModelDirectory, manifestFile, readManifest } from '../model-directory.ts'
import { abandonedDrafts, type Disk, draftIn, draftsElsewhere, entries, numbered, unlessMissing } from './disk.ts'
import type { Documents } from './documents.ts'
import { FileDocuments } from './file-documents.ts'
import type { Manifest } from './manifest.ts'
import { parseFile } from './parse-file.ts'
import { aliasName, checkedName, LogEntry } from './registry.ts'
import { type Draft, type Leftover, longestPublicationMs, type Store } from './store.ts'

/**
 * A registry in a folder: `<root>/<name>/versions/<n>/` is a model directory, `<root>/<name>/changes/<n>.json` an entry of
 * the log, `<root>/<name>/documents/` see `FileDocuments`, and `<root>/.drafts/` holds what is being written. Each is
 * written there, synced, and placed under the next free number in one step that fails when another process was faster. So
 * there is no lock, and none to be left behind by a process that is killed.
 */
export class FileStore implements Store {
  readonly documents: Documents
  readonly #root: string
  readonly #drafts: string
  readonly #clock: Clock
  readonly #disk: Disk

  constructor(root: string, clock: Clock, disk: Disk) {
    this.#root = root
    this.#drafts = join(root, '.drafts')
    this.#clock = clock
    this.#disk = disk
    const [folderOf, drafts] = [this.#documentsOf, this.#drafts]
    this.documents = new FileDocuments({ folderOf, keyOf: checkedName, drafts, disk, clock })
  }

  /** Removes what processes of this machine that are gone were writing. */
  async clean(): Promise<void> {
    for (const draft of await abandonedDrafts(this.#drafts)) await this.#disk.remove(draft)
  }

  async names(): Promise<readonly string[]> {
    return (await entries(this.#root)).filter((name) => aliasName.safeParse(name).success)
  }

  async versions(name: string): Promise<readonly number[]> {
    return numbered(await entries(this.#versionsOf(name)), '')
  }

  manifest = (name: string, version: number): Promise<Manifest> => readManifest(this.#versionAt(name, version))

  open = (name: string, version: number): Promise<ModelDirectory> => loadModelDirectory(this.#versionAt(name, version))

  async draft({ path, manifest }: ModelDirectory): Promise<Draft> {
    const disk = this.#disk
    const { name } = manifest
    await disk.folder(this.#drafts)
    await disk.folder(this.#versionsOf(name))
    await disk.folder(this.#changesOf(name)) // these two so that they can be watched from the start
    await disk.folder(this.#documentsOf(name))
    const draft = draftIn(this.#drafts)
    const discard = () => disk.remove(draft)
    try {
      await disk.folder(draft)
      for (const file of Object.keys(manifest.files)) await disk.copy(join(path, file), join(draft, file))
    } catch (error) {
      await discard()
      throw error
    }
    const place = async (version: number) => {
      await disk.write(join(draft, manifestFile), json({ ...manifest, version }))
      await disk.sync(draft)
      await loadModelDirectory(draft) // the source may have changed under the copy
      return disk.placeFolder(draft, this.#versionAt(name, version))
    }
    return { place, discard }
  }

  async lastEntry(name: string): Promise<number> {
    return numbered(await entries(this.#changesOf(name)), '.json').at(-1) ?? 0
  }

  async entry(name: string, change: number): Promise<LogEntry> {
    const file = this.#changeAt(name, change)
    const text = await unlessMissing(readFile(file, 'utf8'))
    if (text === undefined) throw new DriftlineError('REGISTRY_INVALID', { file, reason: 'it is missing' })
    return parseFile(LogEntry, text, file)
  }

  async append(name: string, entry: LogEntry): Promise<boolean> {
    const disk = this.#disk
    await disk.folder(this.#drafts)
    await disk.folder(this.#changesOf(name))
    const draft = draftIn(this.#drafts)
    try {
      await disk.write(draft, json(entry))
      return await disk.placeFile(draft, this.#changeAt(name, entry.change))
    } finally {
      await disk.remove(draft)
    }
  }

  async take(name: string, version: number): Promise<void> {
    await this.#disk.folder(this.#drafts)
    const away = draftIn(this.#drafts)
    if (await this.#disk.moveFolder(this.#versionAt(name, version), away)) await this.#disk.remove(away)
  }

  async abandoned(): Promise<readonly Leftover[]> {
    const gone = await abandonedDrafts(this.#drafts)
    const oldest = this.#clock.now() - longestPublicationMs
    for (const draft of await draftsElsewhere(this.#drafts)) {
      const touched = (await unlessMissing(stat(draft)))?.mtimeMs ?? oldest
      if (touched < oldest) gone.push(draft)
    }
    return gone.map((draft) => ({ what: `draft ${basename(draft)}`, remove: () => this.#disk.remove(draft) }))
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

  #versionsOf = (name: string): string => join(this.#root, name, 'versions')
  #versionAt = (name: string, version: number): string => join(this.#versionsOf(name), String(version))
  #documentsOf = (name: string): string => join(this.#root, checkedName(name), 'documents')
  #changesOf = (name: string): string => join(this.#root, name, 'changes')
  #changeAt = (name: string, change: number): string => join(this.#changesOf(name), `${change}.json`)
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
