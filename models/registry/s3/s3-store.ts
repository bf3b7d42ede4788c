import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../../core/clock.ts'
import { DriftlineError } from '../../../core/errors.ts'
import type { ModelDirectory } from '../../model-directory.ts'
import { draftName, ownerOf } from '../disk.ts'
import type { Documents } from '../documents.ts'
import { Manifest } from '../manifest.ts'
import { parseFile } from '../parse-file.ts'
import { aliasName, LogEntry } from '../registry.ts'
import { type Draft, type Leftover, longestPublicationMs, type Store } from '../store.ts'
import type { Bucket } from './bucket.ts'
import type { Cache } from './cache.ts'
import { S3Documents } from './s3-documents.ts'

export interface S3StoreOptions {
  readonly bucket: Bucket
  /** What every key begins with; empty, or with a slash at the end. */
  readonly prefix: string
  readonly cache: Cache
  readonly clock: Clock
  /** How long what a killed publisher sent may still be under way. */
  readonly graceMs?: number
}

/** `<name>/versions/<n>.json`: written last, and what makes a version one. */
const VersionRecord = z.strictObject({
  schema: z.literal(1),
  /** Where its files are: `<name>/files/<upload>/`. */
  upload: z.string().regex(/^[\w.~-]+$/),
  manifest: Manifest,
})
type VersionRecord = z.infer<typeof VersionRecord>

/**
 * A registry in a bucket, below a prefix: `<name>/files/<upload>/` holds the files of a version, `<name>/versions/<n>.json`
 * its manifest and where its files are, `<name>/changes/<n>.json` an entry of the log, `<name>/documents/<key>.json` a
 * document. What gets a number is written with `If-None-Match: *`, which fails when the number is taken; numbers have nine
 * digits, so that keys sort as numbers do.
 */
export class S3Store implements Store {
  readonly documents: Documents
  readonly #bucket: Bucket
  readonly #prefix: string
  readonly #cache: Cache
  readonly #graceMs: number
  /** Written once, so read once. */
  readonly #entries = new Map<string, LogEntry>()
  readonly #records = new Map<string, VersionRecord>()
  readonly #last = new Map<string, number>()
  #conditions: Promise<void> | undefined

  constructor({ bucket, prefix, cache, clock, graceMs = 60_000 }: S3StoreOptions) {
    this.#bucket = bucket
    this.#prefix = prefix
    this.#cache = cache
    this.#graceMs = graceMs
    this.documents = new S3Documents(bucket, prefix, clock, this.#honoursConditions)
  }

  async names(): Promise<readonly string[]> {
    return (await this.#bucket.folders(this.#prefix)).filter((name) => aliasName.safeParse(name).success)
  }

  versions = (name: string): Promise<number[]> => this.#numbers(this.#versionsOf(name))

  async #numbers(folder: string, after?: string): Promise<number[]> {
    const objects = await this.#bucket.list(folder, after)
    return objects.flatMap(({ key }) => numberIn(key.slice(folder.length)) ?? [])
  }

  manifest = async (name: string, version: number): Promise<Manifest> => (await this.#record(name, version)).manifest

  async #record(name: string, version: number): Promise<VersionRecord> {
    const key = this.#versionAt(name, version)
    const known = this.#records.get(key)
    if (known !== undefined) return known
    const object = await this.#bucket.get(key)
    if (object === undefined) throw new DriftlineError('VERSION_UNKNOWN', { model: name, version })
    let record: VersionRecord
    try {
      record = VersionRecord.parse(JSON.parse(object.body.toString('utf8')))
    } catch (error) {
      throw new DriftlineError('MODEL_INVALID', { reason: 'its record cannot be read', file: key }, { cause: error })
    }
    this.#records.set(key, record)
    return record
  }

  async open(name: string, version: number): Promise<ModelDirectory> {
    const { manifest, upload } = await this.#record(name, version)
    return this.#cache.open(manifest, async (file, bytes) => {
      const key = `${this.#filesOf(name)}${upload}/${file}`
      const object = await this.#bucket.get(key, bytes)
      if (object !== undefined) return object.body
      throw new DriftlineError('MODEL_INVALID', { reason: 'it is missing', file, model: `${name}@${version}`, key })
    })
  }

  async draft({ manifest, files }: ModelDirectory): Promise<Draft> {
    await this.#honoursConditions()
    const { name } = manifest
    const upload = draftName()
    const folder = `${this.#filesOf(name)}${upload}/`
    let mayBePlaced = false
    const discard = async () => {
      if (!mayBePlaced) await this.#removeAll(folder)
    }
    try {
      for (const [file, content] of files) await this.#bucket.put(`${folder}${file}`, content, 'always')
    } catch (error) {
      await discard().catch(() => undefined) // the store is away: this is found and removed later
      throw error
    }
    const place = async (version: number) => {
      const record: VersionRecord = { schema: 1, upload, manifest: { ...manifest, version } }
      mayBePlaced = true // and stays so when no answer comes: then the files must stay too
      mayBePlaced = await this.#bucket.put(this.#versionAt(name, version), json(record), 'absent')
      return mayBePlaced
    }
    return { place, discard }
  }

  async lastEntry(name: string): Promise<number> {
    let last = this.#last.get(name) ?? 0
    // Most often nothing has happened, and one look for the next number says so at a tenth of the price of a list.
    if (last > 0 && (await this.#entryAt(name, last + 1)) === undefined) return last
    const folder = this.#changesOf(name)
    last = (await this.#numbers(folder, last === 0 ? undefined : this.#changeAt(name, last))).at(-1) ?? last
    this.#last.set(name, last)
    return last
  }

  async entry(name: string, change: number): Promise<LogEntry> {
    const entry = await this.#entryAt(name, change)
    if (entry !== undefined) return entry
    throw new DriftlineError('REGISTRY_INVALID', { file: this.#changeAt(name, change), reason: 'it is missing' })
  }

  async #entryAt(name: string, change: number): Promise<LogEntry | undefined> {
    const key = this.#changeAt(name, change)
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const object = await this.#bucket.get(key)
    if (object === undefined) return undefined
    const entry = parseFile(LogEntry, object.body.toString('utf8'), key)
    this.#entries.set(key, entry)
    return entry
  }

  async append(name: string, entry: LogEntry): Promise<boolean> {
    await this.#honoursConditions()
    const key = this.#changeAt(name, entry.change)
    if (!(await this.#bucket.put(key, json(entry), 'absent'))) return false
    this.#entries.set(key, entry)
    if (this.#last.get(name) === entry.change - 1) this.#last.set(name, entry.change)
    return true
  }

  async take(name: string, version: number): Promise<void> {
    const record = await this.#recordOrFault(name, version)
    await this.#bucket.remove(this.#versionAt(name, version)) // first: no record without its files
    // Without a record nothing says which upload it was: one that no version names is found as abandoned.
    if (!(record instanceof DriftlineError)) await this.#removeAll(`${this.#filesOf(name)}${record.upload}/`)
  }

  /** Why there is none: `VERSION_UNKNOWN` when it was removed meanwhile, `MODEL_INVALID` when it cannot be read. */
  async #recordOrFault(name: string, version: number): Promise<VersionRecord | DriftlineError> {
    try {
      return await this.#record(name, version)
    } catch (error) {
      if (error instanceof DriftlineError && ['VERSION_UNKNOWN', 'MODEL_INVALID'].includes(error.code)) return error
      throw error
    }
  }

  async #removeAll(folder: string): Promise<void> {
    for (const { key } of await this.#bucket.list(folder)) await this.#bucket.remove(key)
  }

  async abandoned(): Promise<readonly Leftover[]> {
    const leftovers: Leftover[] = []
    for (const name of await this.names()) {
      const gone = await this.#uploadsOfTheGone(name)
      // Read after it was seen that their publishers are gone: no version can come to name them from here on.
      const records = await Promise.all(
        (await this.versions(name)).map((version) => this.#recordOrFault(name, version)),
      )
      if (records.some((record) => record instanceof DriftlineError && record.code === 'MODEL_INVALID')) continue // it may name any
      const used = new Set(records.flatMap((record) => (record instanceof DriftlineError ? [] : [record.upload])))
      for (const upload of gone.filter((name) => !used.has(name))) {
        const folder = `${this.#filesOf(name)}${upload}/`
        leftovers.push({ what: `upload ${name}/${upload}`, remove: () => this.#removeAll(folder) })
      }
    }
    return [...leftovers, ...(await this.#staleInCache())]
  }

  async #uploadsOfTheGone(name: string): Promise<string[]> {
    const folder = this.#filesOf(name)
    const newestMs = new Map<string, number>()
    for (const { key, ageMs } of await this.#bucket.list(folder)) {
      const [upload = ''] = key.slice(folder.length).split('/')
      newestMs.set(upload, Math.min(ageMs, newestMs.get(upload) ?? Number.POSITIVE_INFINITY))
    }
    return [...newestMs].flatMap(([upload, ageMs]) => {
      const owner = ownerOf(upload)
      const isGone = owner === 'gone' ? ageMs >= this.#graceMs : owner === 'elsewhere' && ageMs > longestPublicationMs
      return isGone ? [upload] : []
    })
  }

  async #staleInCache(): Promise<Leftover[]> {
    const stale: Leftover[] = []
    for (const name of await this.#cache.names()) {
      const there = await this.versions(name)
      for (const version of await this.#cache.versions(name)) {
        if (there.includes(version)) continue
        stale.push({ what: `copy of ${name}@${version}`, remove: () => this.#cache.remove(name, version) })
      }
    }
    return stale
  }

  /** A bucket tells nobody of a change. */
  watch(): void {}

  /**
   * Makes sure, once, that the store honours conditions: one that ignores them would take both of two moves that race.
   *
   * @throws DriftlineError `REGISTRY_REFUSED`
   */
  #honoursConditions = (): Promise<void> => {
    this.#conditions ??= this.#tryConditions().catch((error: unknown) => {
      this.#conditions = undefined // to be tried again
      throw error
    })
    return this.#conditions
  }

  async #tryConditions(): Promise<void> {
    const key = `${this.#prefix}.conditional-writes`
    const body = Buffer.from('Driftline tries here whether this store honours If-None-Match and If-Match.\n')
    if (await this.#bucket.put(key, body, 'absent')) {
      if (await this.#bucket.put(key, body, 'absent')) throw ignored('If-None-Match')
    }
    if (await this.#bucket.put(key, body, { etag: `"${randomUUID().replaceAll('-', '')}"` })) throw ignored('If-Match')
  }

  #versionsOf = (name: string): string => `${this.#prefix}${name}/versions/`
  #versionAt = (name: string, version: number): string => `${this.#versionsOf(name)}${padded(version)}.json`
  #changesOf = (name: string): string => `${this.#prefix}${name}/changes/`
  #changeAt = (name: string, change: number): string => `${this.#changesOf(name)}${padded(change)}.json`
  #filesOf = (name: string): string => `${this.#prefix}${name}/files/`
}

const ignored = (header: string) =>
  new DriftlineError('REGISTRY_REFUSED', { reason: `the store ignores ${header}, so two writers could both win` })

const padded = (number: number): string => String(number).padStart(9, '0')

function numberIn(file: string): number | undefined {
  const [, digits] = /^(\d{9})\.json$/.exec(file) ?? []
  return digits === undefined ? undefined : Number(digits)
}

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
