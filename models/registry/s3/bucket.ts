import { createHash, randomUUID } from 'node:crypto'
import { AwsClient } from 'aws4fetch'
import type { Clock } from '../../../core/clock.ts'
import { DriftlineError, messageOf } from '../../../core/errors.ts'
import { type Listing, listingOf, tagIn } from './xml.ts'

export interface BucketOptions {
  /** Address of the bucket, whatever its style, without a slash at the end. */
  readonly url: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
  readonly clock: Clock
  /** Ends what is asked when it is aborted, and what is asked later, with its reason. */
  readonly signal?: AbortSignal | undefined
}

export interface Stored {
  readonly body: Buffer
  readonly etag: string
}

/** When something is written: always, only under a key that is free, or only over what has this etag. */
export type Condition = 'always' | 'absent' | { readonly etag: string }

/** Waits before a request is made again, in milliseconds. */
const waits = [100, 400, 1600]

/** A request may take half a minute, and what it carries a second for every 50 kB. */
const requestMs = 30_000
const bytesPerMs = 50

/** Requests that may be under way at a time. */
const mostAtOnce = 16

/** Header by which a writer knows its own object again. */
const writerHeader = 'x-amz-meta-writer'

interface Ask {
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly bytes?: number
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
  /** An earlier attempt broke off or failed in the server, so it may have been carried out. */
  readonly unsure: boolean
}

/**
 * Objects of a bucket by key, with the answers of S3 turned into our errors: what may pass is tried again and then
 * `REGISTRY_UNAVAILABLE`; what a person must change is `REGISTRY_REFUSED`.
 */
export class Bucket {
  readonly #url: string
  readonly #aws: AwsClient
  readonly #clock: Clock
  readonly #signal: AbortSignal | undefined
  /** Each ends a request that is under way. */
  readonly #requests = new Set<AbortController>()
  readonly #waiting: (() => void)[] = []
  #underWay = 0

  constructor({ url, clock, signal, ...credentials }: BucketOptions) {
    this.#url = url
    this.#clock = clock
    this.#signal = signal
    signal?.addEventListener('abort', () => {
      for (const request of this.#requests) request.abort(signal.reason)
    })
    this.#aws = new AwsClient({
      service: 's3',
      retries: 0,
      ...credentials,
      sessionToken: credentials.sessionToken ?? '',
    })
  }

  /** @param bytes its size, where it is known to be large */
  async get(key: string, bytes = 0): Promise<Stored | undefined> {
    const answer = await this.#ask('GET', { key, bytes })
    if (isMissing(answer)) return undefined
    this.#accept(answer, 'GET', key)
    return { body: answer.body, etag: answer.headers.get('etag') ?? '' }
  }

  /**
   * Writes an object; the store compares the bytes with their sha256.
   *
   * @returns false when the condition did not hold, and nothing was written
   */
  async put(key: string, body: Uint8Array, when: Condition): Promise<boolean> {
    const writer = randomUUID()
    const headers = {
      'content-type': key.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
      [writerHeader]: writer,
      ...(when === 'absent' ? { 'if-none-match': '*' } : {}),
      ...(typeof when === 'object' ? { 'if-match': when.etag } : {}),
    }
    const answer = await this.#ask('PUT', { key, headers, body, bytes: body.length })
    const isRefused = when !== 'always' && (answer.status === 412 || (answer.status === 404 && isMissing(answer)))
    if (!isRefused) {
      this.#accept(answer, 'PUT', key)
      return true
    }
    if (!answer.unsure) return false
    // The answer to an earlier attempt was lost: it may be our own object that is in the way.
    const found = await this.#ask('GET', { key })
    if (isMissing(found)) return false
    this.#accept(found, 'GET', key)
    return found.headers.get(writerHeader) === writer
  }

  async remove(key: string): Promise<void> {
    const answer = await this.#ask('DELETE', { key })
    if (!isMissing(answer)) this.#accept(answer, 'DELETE', key)
  }

  /** Objects whose keys begin with `prefix`, after the key `after`, in order of their keys. */
  async list(prefix: string, after = ''): Promise<Listing['objects']> {
    return (await this.#pages({ prefix, ...(after === '' ? {} : { 'start-after': after }) })).objects
  }

  /** What stands between `prefix` and the next slash of keys. */
  async folders(prefix: string): Promise<readonly string[]> {
    const { prefixes } = await this.#pages({ prefix, delimiter: '/' })
    return prefixes.map((folder) => folder.slice(prefix.length, -1))
  }

  async #pages(query: Readonly<Record<string, string>>): Promise<Pick<Listing, 'objects' | 'prefixes'>> {
    const all = { objects: [] as Listing['objects'][number][], prefixes: [] as string[] }
    for (let next: string | undefined = ''; next !== undefined; ) {
      const token: Record<string, string> = next === '' ? {} : { 'continuation-token': next }
      const answer = await this.#ask('GET', { query: { 'list-type': '2', 'encoding-type': 'url', ...query, ...token } })
      this.#accept(answer, 'list', query.prefix ?? '')
      const page = listingOf(answer.body.toString('utf8'), Date.parse(answer.headers.get('date') ?? ''))
      all.objects.push(...page.objects)
      all.prefixes.push(...page.prefixes)
      next = page.next
    }
    return all
  }

  /** Asks until there is an answer that the store means: others may pass. */
  async #ask(method: string, ask: Ask): Promise<Answer> {
    let unsure = false
    for (let attempt = 0; ; attempt++) {
      const wait = waits[attempt]
      try {
        const answer = await this.#atOnce(() => this.#askOnce(method, ask))
        if (wait === undefined || !mayPass(answer)) return { ...answer, unsure }
        unsure ||= answer.status >= 500 && answer.status !== 503
      } catch (error) {
        if (!isBroken(error)) throw error
        unsure = true
        if (wait === undefined) {
          const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
          throw new DriftlineError(
            'REGISTRY_UNAVAILABLE',
            { reason: messageOf(cause), url: this.#url },
            { cause: error },
          )
        }
      }
      await this.#clock.sleep(wait, this.#signal)
    }
  }

  async #askOnce(method: string, { key, query, headers, body, bytes = 0 }: Ask): Promise<Omit<Answer, 'unsure'>> {
    const url = new URL(key === undefined ? this.#url : `${this.#url}/${key}`)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
    this.#signal?.throwIfAborted()
    // Not `AbortSignal.any`: what it makes of a signal that lives as long as the process leaves some bytes there for ever.
    const request = new AbortController()
    const late = () => request.abort(new DOMException('there was no answer in time', 'TimeoutError'))
    const timer = setTimeout(late, requestMs + Math.ceil(bytes / bytesPerMs))
    this.#requests.add(request)
    try {
      const response = await this.#aws.fetch(url, {
        method,
        redirect: 'manual', // a signature holds for one host
        signal: request.signal,
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body: new Uint8Array(body) }),
      })
      return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
    } finally {
      clearTimeout(timer)
      this.#requests.delete(request)
    }
  }

  async #atOnce<Result>(act: () => Promise<Result>): Promise<Result> {
    if (this.#underWay >= mostAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#underWay++
    try {
      return await act()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#underWay--
      else next() // takes over the place
    }
  }

  /** @throws DriftlineError for whatever is no success */
  #accept(answer: Answer, action: string, key: string): void {
    const { status } = answer
    if (status >= 200 && status < 300) return
    const code = codeOf(answer)
    const reason =
      explained(status, code, answer) ?? tagIn(answer.body.toString('utf8'), 'Message') ?? `status ${status}`
    const details = { reason, action, key, url: this.#url, status, ...(code === undefined ? {} : { code }) }
    throw new DriftlineError(mayPass(answer) ? 'REGISTRY_UNAVAILABLE' : 'REGISTRY_REFUSED', details)
  }
}

/** Whether a request failed on its way: `fetch` says so with a TypeError that has a cause, or our time was up. */
const isBroken = (error: unknown): boolean =>
  (error instanceof TypeError && error.cause !== undefined) ||
  (error instanceof DOMException && error.name === 'TimeoutError')

/** Whether the store may answer otherwise the next time: it is in trouble, asked too often, or at another writer's request. */
const mayPass = (answer: Pick<Answer, 'status' | 'body'>): boolean =>
  (answer.status >= 500 && answer.status !== 501) ||
  answer.status === 429 ||
  (answer.status === 409 && codeOf(answer) === 'ConditionalRequestConflict')

const codeOf = ({ body }: Pick<Answer, 'body'>): string | undefined => tagIn(body.toString('utf8', 0, 4096), 'Code')

const isMissing = (answer: Answer): boolean => answer.status === 404 && codeOf(answer) !== 'NoSuchBucket'

function explained(status: number, code: string | undefined, { headers }: Answer): string | undefined {
  if (code === 'NoSuchBucket') return 'there is no such bucket'
  if (code === 'InvalidAccessKeyId') return 'the access key is not known'
  if (code === 'SignatureDoesNotMatch') return 'the secret access key is wrong'
  if (code === 'RequestTimeTooSkewed') return 'the clock of this machine is wrong'
  if (code === 'ExpiredToken') return 'the session token has expired'
  if (status === 403) return 'access denied'
  if (status === 501) return 'the store does not know conditional writes'
  const region = headers.get('x-amz-bucket-region')
  if (status === 301 || status === 307) return `the bucket is in region ${region ?? 'unknown'}: set DRIFTLINE_S3_REGION`
  return undefined
}
