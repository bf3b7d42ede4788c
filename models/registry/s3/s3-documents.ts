import type { Clock } from '../../../core/clock.ts'
import { DocumentState, type Documents, documentMoved, type Stored } from '../documents.ts'
import { parseFile } from '../parse-file.ts'
import { checkedName } from '../registry.ts'
import type { Bucket } from './bucket.ts'

/** Documents as one object each, `<name>/documents/<key>.json`, which is replaced only while it has the etag that was read. */
export class S3Documents implements Documents {
  readonly #bucket: Bucket
  readonly #prefix: string
  readonly #clock: Clock
  readonly #beforeWrite: () => Promise<void>

  /** @param beforeWrite makes sure that the store honours conditions */
  constructor(bucket: Bucket, prefix: string, clock: Clock, beforeWrite: () => Promise<void>) {
    this.#bucket = bucket
    this.#prefix = prefix
    this.#clock = clock
    this.#beforeWrite = beforeWrite
  }

  async read(name: string, key: string): Promise<Stored | undefined> {
    const found = await this.#find(name, key)
    return found && { revision: found.revision, value: found.value }
  }

  async write(name: string, key: string, value: unknown, revision: number): Promise<number> {
    const state = { schema: 1, revision: revision + 1, at: new Date(this.#clock.now()).toISOString(), value }
    const body = Buffer.from(`${JSON.stringify(DocumentState.parse(state), null, 2)}\n`)
    await this.#beforeWrite()
    const found = await this.#find(name, key)
    if ((found?.revision ?? 0) !== revision) throw documentMoved(name, key, revision, found?.revision ?? 0)
    const condition = found === undefined ? 'absent' : { etag: found.etag }
    if (await this.#bucket.put(this.#keyOf(name, key), body, condition)) return revision + 1
    throw documentMoved(name, key, revision, (await this.#find(name, key))?.revision ?? 0)
  }

  async #find(name: string, key: string) {
    const file = this.#keyOf(name, key)
    const object = await this.#bucket.get(file)
    return object && { ...parseFile(DocumentState, object.body.toString('utf8'), file), etag: object.etag }
  }

  #keyOf = (name: string, key: string): string =>
    `${this.#prefix}${checkedName(name)}/documents/${checkedName(key)}.json`
}
