import type { Config } from '../../core/config.ts'
import { DriftlineError } from '../../core/errors.ts'
import { loadDirectory, parseModelSetting } from '../../models/load-model.ts'
import type { ModelDirectory } from '../../models/model-directory.ts'
import type { Registry } from '../../models/registry/registry.ts'
import type { Checked } from './window-check.ts'

/**
 * The version that a check looks at: the champion, or the one that the setting `model` fixes. A version is opened once.
 *
 * @returns a function that says which it is now
 * @throws DriftlineError `VERSION_UNKNOWN`, `MODEL_INVALID`
 */
export function checkedVersion(config: Config, registry: Registry): () => Promise<Checked> {
  const setting = parseModelSetting(config.model)
  let last: Checked | undefined
  return async () => {
    if (setting.kind === 'directory') {
      last ??= checkedOf(await loadDirectory(setting.path))
      return last
    }
    const { name } = setting
    const version = setting.kind === 'version' ? setting.version : (await registry.aliases(name)).at.champion
    if (version === undefined)
      throw new DriftlineError('VERSION_UNKNOWN', { model: name, reason: 'it has no champion' })
    if (last?.version !== version) last = checkedOf(await registry.open(name, version))
    return last
  }
}

const checkedOf = ({ manifest, labels }: ModelDirectory): Checked => ({
  name: manifest.name,
  version: manifest.version,
  classes: labels,
  manifest,
})
