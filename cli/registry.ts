import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Config } from '../core/config.ts'
import { makeDataFolder } from '../core/data-folder.ts'
import { DriftlineError } from '../core/errors.ts'
import { adoptBundled, bundledName, isBundledHere, parseModelSetting } from '../models/load-model.ts'
import { registryFolder } from '../models/registry/file-registry.ts'
import { openRegistryAt } from '../models/registry/open-registry.ts'
import type { Registry } from '../models/registry/registry.ts'

/**
 * The registry that is set, with the bundled model in it where there is one.
 *
 * @throws DriftlineError `CONFIG_INVALID` when it has no place yet and cannot be given one
 * @param signal ends what a bucket is asked, also in the middle of a change: a registry is whole after it, as after SIGKILL
 */
export async function openRegistry(config: Config, signal?: AbortSignal): Promise<Registry> {
  const asking = signal && { signal }
  // One that is there may be read without being written.
  if (config.registryUrl === undefined && !existsSync(registryFolder(config.data))) makeDataFolder(config.data)
  // Taken in without a signature where one is required: what loads it asks for that, and says what to do.
  if (isBundledHere()) await adoptBundled(await openRegistryAt({ ...config, trustedKeys: undefined }, asking))
  return openRegistryAt(config, asking)
}

export interface VersionRef {
  readonly name: string
  readonly version: number
}

/**
 * What a person calls a version: `sentiment@2`, or `2` of the model that is set.
 *
 * @throws DriftlineError `USAGE`
 */
export function versionRef(text: string, config: Config): VersionRef {
  const ref = parseModelSetting(/^\d+$/.test(text) ? `${modelName(undefined, config)}@${text}` : text)
  if (ref.kind === 'version') return ref
  throw new DriftlineError('USAGE', { reason: `${text} is no version; write sentiment@2, or 2` })
}

/** A model by name, or the one that is set; a fixed version or a directory stands for the bundled model's name. */
export function modelName(name: string | undefined, config: Config): string {
  const model = parseModelSetting(name ?? config.model)
  if (model.kind === 'champion') return model.name
  if (name === undefined) return model.kind === 'version' ? model.name : bundledName
  throw new DriftlineError('USAGE', { reason: `${name} is no name of a model in the registry` })
}

/** Who changes something, for the audit: the person whose account this is. */
export function whoami(): string {
  try {
    return userInfo().username
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}` // an account without a name, as in many containers
  }
}
