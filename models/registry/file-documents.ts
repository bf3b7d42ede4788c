import { readdir, readFile, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { type Disk, draftIn, entries, numbered, unlessMissing } from './disk.ts'
import { DocumentState, type Documents, documentMoved, type Stored } from './documents.ts'
import { parseFile } from './parse-file.ts'

/** Revisions that stay behind the newest when the older ones are removed, and how many may gather until then. */
const kept = 8
const mostKept = 2 * kept

/** How often a document may change under one look at it. More is no race but a folder that somebody else emptied. */
const mostLooks = 1000

export interface FileDocumentsOptions {
  /** Folder of the documents of a model. */
  readonly folderOf: (name: string) => string
  /** Folder of a document in that of its model. */
  readonly keyOf: (key: string) => string
  readonly drafts: string
  readonly disk: Disk
  readonly clock: Clock
}

/** What the folder of a document holds. */
interface Found {
  /** The folder of its revisions, and the first one that counts. */
  readonly folder: string
  readonly first: number
  readonly newest: number
}

/**
 * Documents in files: `<documents>/<key>/<first>/<revision>.json`, each revision written once and placed under its number
 * by a link, which fails when the number is taken (ADR 3). There is always exactly one folder `<first>`.
 *
 * Removing old revisions would free their numbers, and a writer that fell asleep over an old revision could then take
 * one. So the folder is renamed first, to the number of the first revision that stays: who looked before the rename has
 * a path that leads nowhere. The rename also guards readers. A revision that could be opened under the path that was
 * listed proves that there was no rename in between; then all revisions that stay were in the folder all along, so the
 * newest was in the list. Lower numbers than `<first>` are on their way out and do not count.
 */
export class FileDocuments implements Documents {
  readonly #options: FileDocumentsOptions

  constructor(options: FileDocumentsOptions) {
    this.#options = options
  }

  async read(name: string, key: string): Promise<Stored | undefined> {
    const document = this.#document(name, key)
    for (let look = 0; look < mostLooks; look++) {
      const found = await find(document)
      if (found === undefined) return undefined
      const file = revisionAt(found.folder, found.newest)
      const text = await unlessMissing(readFile(file, 'utf8'))
      if (text === undefined) continue // the folder was renamed: look again
      const { revision, value } = parseFile(DocumentState, text, file)
      if (revision === found.newest) return { revision, value }
      throw new DriftlineError('REGISTRY_INVALID', { file, reason: `it says that it is revision ${revision}` })
    }
    throw emptied(document)
  }

  async write(name: string, key: string, value: unknown, revision: number): Promise<number> {
    const { drafts, disk, clock } = this.#options
    const document = this.#document(name, key)
    const next = revision + 1
    const at = new Date(clock.now()).toISOString()
    const state = DocumentState.parse({ schema: 1, revision: next, at, value })
    await disk.folder(drafts)
    await disk.folder(dirname(document))
    const draft = draftIn(drafts)
    await disk.folder(join(draft, '1'))
    const written = revisionAt(join(draft, '1'), next)
    try {
      await disk.write(written, `${JSON.stringify(state, null, 2)}\n`)
      await disk.sync(join(draft, '1'))
      for (;;) {
        const found = await find(document)
        if ((found?.newest ?? 0) !== revision) throw documentMoved(name, key, revision, found?.newest ?? 0)
        if (found === undefined) {
          if (await disk.placeFolder(draft, document)) break
        } else {
          const folder = await this.#pruned(document, found)
          const placed =
            folder === undefined ? undefined : await unlessMissing(disk.placeFile(written, revisionAt(folder, next)))
          if (placed === true) break
        }
      }
    } finally {
      await disk.remove(draft)
    }
    await utimes(document, clock.now() / 1000, clock.now() / 1000) // whoever watches the folder above sees that
    return next
  }

  /** Removes old revisions where there are many. @returns the folder; `undefined` when another process renamed it first */
  async #pruned(document: string, { folder, first, newest }: Found): Promise<string | undefined> {
    if (newest - first + 1 < mostKept) return folder
    const { disk } = this.#options
    const stays = newest - kept + 1
    const renamed = join(document, String(stays))
    if (!(await disk.moveFolder(folder, renamed))) return undefined
    for (const old of numbered(await entries(renamed), '.json').filter((revision) => revision < stays)) {
      await disk.remove(revisionAt(renamed, old))
    }
    return renamed
  }

  #document = (name: string, key: string): string => join(this.#options.folderOf(name), this.#options.keyOf(key))
}

const revisionAt = (folder: string, revision: number): string => join(folder, `${revision}.json`)

async function find(document: string): Promise<Found | undefined> {
  for (let look = 0; look < mostLooks; look++) {
    const names = await unlessMissing(readdir(document))
    if (names === undefined) return undefined
    const first = numbered(names, '').at(-1)
    if (first === undefined) continue // listed in the midst of a rename: the folder is never empty
    const folder = join(document, String(first))
    const newest = numbered((await unlessMissing(readdir(folder))) ?? [], '.json').at(-1)
    if (newest !== undefined && newest >= first) return { folder, first, newest }
  }
  throw emptied(document)
}

const emptied = (document: string) =>
  new DriftlineError('REGISTRY_INVALID', { file: document, reason: 'there is no revision in it' })
