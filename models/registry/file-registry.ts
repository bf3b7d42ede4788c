import { join } from 'node:path'
import { type Clock, systemClock } from '../../core/clock.ts'
import { Disk } from './disk.ts'
import { FileStore } from './file-store.ts'
import type { Registry } from './registry.ts'
import type { TrustedKey } from './signing-keys.ts'
import { StoredRegistry } from './stored-registry.ts'

export interface FileRegistryOptions {
  readonly clock?: Clock
  /** See `Disk`. */
  readonly disk?: Disk
  /** See `StoredRegistry`. */
  readonly trusted?: readonly TrustedKey[]
}

/** Where the registry of a data folder is. */
export const registryFolder = (data: string): string => join(data, 'registry')

/** Opens a registry in a folder, which is made by the first publication, and removes what killed processes left behind. */
export async function openFileRegistry(root: string, options: FileRegistryOptions = {}): Promise<Registry> {
  const { clock = systemClock, disk = new Disk(), trusted = [] } = options
  const store = new FileStore(root, clock, disk)
  await store.clean()
  return new StoredRegistry(store, clock, trusted)
}
