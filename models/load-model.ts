import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DriftlineError } from '../core/errors.ts'
import { bundledModelPath, loadModelDirectory, type ModelDirectory, manifestFile } from './model-directory.ts'
import { type OpenOptions, openRegistryAt, type RegistryPlace } from './registry/open-registry.ts'
import type { Registry } from './registry/registry.ts'

/** Name of the model that comes with the program; a registry without it takes it in when it is first needed. */
export const bundledName = 'sentiment'

/**
 * What the setting `model` stands for:
 * - `sentiment`: what alias `champion` of that name points to, now and later
 * - `sentiment@2`: that version, and no other
 * - `bundled`, or a directory, which has a slash or a dot in it (`./model`)
 */
export type ModelSetting =
  | { readonly kind: 'champion'; readonly name: string }
  | { readonly kind: 'version'; readonly name: string; readonly version: number }
  | { readonly kind: 'directory'; readonly path: string }

export function parseModelSetting(setting: string): ModelSetting {
  if (setting === 'bundled') return { kind: 'directory', path: bundledModelPath }
  const [, name, version] = /^([a-z][a-z0-9-]{0,63})(?:@([1-9]\d{0,8}))?$/.exec(setting) ?? []
  if (name === undefined) return { kind: 'directory', path: resolve(setting) }
  return version === undefined ? { kind: 'champion', name } : { kind: 'version', name, version: Number(version) }
}

/**
 * Loads what the setting `model` stands for now, and changes nothing: while the registry does not know the bundled model,
 * its directory takes its place.
 *
 * @param place where the registry is
 * @throws DriftlineError `MODEL_INVALID`, `VERSION_UNKNOWN`; the reason of the signal
 */
export async function loadModel(
  setting: string,
  place: RegistryPlace,
  options: OpenOptions = {},
): Promise<ModelDirectory> {
  const model = parseModelSetting(setting)
  if (model.kind === 'directory') return loadDirectory(model.path)
  const registry = await openRegistryAt(place, options)
  if (model.kind === 'version') return registry.open(model.name, model.version)
  const champion = (await registry.aliases(model.name)).at.champion
  if (champion !== undefined) return registry.open(model.name, champion)
  if (model.name === bundledName) return loadDirectory(bundledModelPath)
  throw new DriftlineError('VERSION_UNKNOWN', { model: model.name, reason: 'no version of it is champion' })
}

/** False for a copy of the program that comes without the bundled model. */
export const isBundledHere = (): boolean => existsSync(join(bundledModelPath, manifestFile))

/** @throws DriftlineError `MODEL_INVALID` */
export async function loadDirectory(path: string): Promise<ModelDirectory> {
  if (path === bundledModelPath && !isBundledHere()) {
    const reason = 'this copy of Driftline comes without its bundled model; name a model directory with --model'
    throw new DriftlineError('MODEL_INVALID', { reason, missing: join(path, manifestFile) })
  }
  return loadModelDirectory(path)
}

/**
 * Makes the bundled model version 1 of its name, and champion, in a registry that does not have it. Any number of
 * processes may do so at a time.
 *
 * @throws DriftlineError `MODEL_INVALID`
 */
export async function adoptBundled(registry: Registry): Promise<void> {
  const { change } = await registry.aliases(bundledName)
  if (change > 0) return
  const [oldest] = await registry.versions(bundledName)
  const version = oldest ?? (await registry.publish((await loadDirectory(bundledModelPath)).path)).version
  try {
    const move = { expected: undefined, by: 'driftline', reason: 'the model that comes with the program' }
    await registry.setAlias(bundledName, 'champion', version, move)
  } catch (error) {
    if (!(error instanceof DriftlineError && error.code === 'ALIAS_MOVED')) throw error // another process was faster
  }
}
