import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import { DriftlineError } from '../../core/errors.ts'
import { openFileRegistry, registryFolder } from './file-registry.ts'
import type { Registry } from './registry.ts'
import { Bucket } from './s3/bucket.ts'
import { Cache } from './s3/cache.ts'
import { S3Store } from './s3/s3-store.ts'
import { parseTrustedKeys } from './signing-keys.ts'
import { StoredRegistry } from './stored-registry.ts'

type Settings =
  | 'registryUrl'
  | 's3Endpoint'
  | 's3Region'
  | 's3PathStyle'
  | 's3AccessKeyId'
  | 's3SecretAccessKey'
  | 's3SessionToken'
  | 'trustedKeys'

/** Where the registry is: the settings of that name. */
export type RegistryPlace = Pick<Config, 'data'> & Partial<Pick<Config, Settings>>

export interface OpenOptions {
  readonly clock?: Clock
  /** Ends what a bucket is asked: it fails with the signal's reason, and so does what it is asked later. */
  readonly signal?: AbortSignal
}

/**
 * Opens the registry that the settings name: a bucket, or the data folder.
 *
 * @throws DriftlineError `CONFIG_INVALID` for a bucket without credentials, or trusted keys that are none
 */
export async function openRegistryAt(
  place: RegistryPlace,
  { clock = systemClock, signal }: OpenOptions = {},
): Promise<Registry> {
  const trusted = parseTrustedKeys(place.trustedKeys ?? '')
  if (place.registryUrl === undefined) return openFileRegistry(registryFolder(place.data), { clock, trusted })
  return new StoredRegistry(openS3Store(place, place.registryUrl, clock, signal), clock, trusted)
}

function openS3Store(place: RegistryPlace, registryUrl: string, clock: Clock, signal?: AbortSignal): S3Store {
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey, s3Region: region = 'us-east-1' } = place
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const reason = `${registryUrl} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`
    throw new DriftlineError('CONFIG_INVALID', { reason })
  }
  const [, bucketName = '', path = ''] = /^s3:\/\/([^/]+)\/?(.*?)\/?$/.exec(registryUrl) ?? []
  const url = bucketUrl(bucketName, region, place)
  const credentials = { accessKeyId, secretAccessKey, sessionToken: place.s3SessionToken }
  const bucket = new Bucket({ url, region, ...credentials, clock, signal })
  const prefix = path === '' ? '' : `${path}/`
  const id = createHash('sha256').update(`${url}/${prefix}`).digest('hex').slice(0, 16)
  const cache = new Cache(join(place.data, 'cache', 'registry', id))
  return new S3Store({ bucket, prefix, cache, clock })
}

function bucketUrl(bucket: string, region: string, { s3Endpoint, s3PathStyle }: RegistryPlace): string {
  const base = new URL(s3Endpoint ?? `https://s3.${region}.amazonaws.com`)
  const inPath = s3PathStyle ?? s3Endpoint !== undefined
  if (!inPath) base.hostname = `${bucket}.${base.hostname}`
  const folder = base.pathname.replace(/\/$/, '')
  return `${base.origin}${folder}${inPath ? `/${bucket}` : ''}`
}
