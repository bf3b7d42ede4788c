import { DriftlineError } from '../../core/errors.ts'
import { type Aliases, manifestOrDamage, type Registry } from './registry.ts'
import { type Challenger, readTraffic } from './traffic.ts'

/** Why versions of a model must stay, by version; each reason is for people. */
export type Uses = ReadonlyMap<number, readonly string[]>

/**
 * What uses the versions of a model:
 * - aliases, `previous` among them, and challengers of its traffic
 * - jobs that say that they run one
 * - what is used so: the version that it was fine-tuned from stays too, to compare with and to train on from; all older
 *   ones, where damage hides which that is
 *
 * @param running versions that jobs run, as far as the caller knows
 */
export async function usesOf(registry: Registry, name: string, running: readonly number[]): Promise<Uses> {
  const { at } = await registry.aliases(name)
  const { challengers } = await readTraffic(registry, name)
  return usesGiven(registry, name, { aliases: at, challengers, running })
}

/** See `usesOf`; for one who has read already what uses versions. */
export async function usesGiven(
  registry: Registry,
  name: string,
  given: {
    readonly aliases: Aliases['at']
    readonly challengers: readonly Challenger[]
    readonly running: readonly number[]
  },
): Promise<Uses> {
  const uses = new Map<number, string[]>()
  const add = (version: number, why: string) => uses.set(version, [...(uses.get(version) ?? []), why])
  for (const [alias, version] of Object.entries(given.aliases)) add(version, `alias ${alias}`)
  for (const { version, mode } of given.challengers) add(version, mode)
  for (const version of new Set(given.running)) add(version, 'running')
  const there = await registry.versions(name)
  for (const version of [...uses.keys()].filter((version) => there.includes(version))) {
    const manifest = await manifestOrDamage(registry, name, version)
    if (manifest instanceof DriftlineError) {
      for (const older of there.filter((other) => other < version))
        add(older, `perhaps parent of ${version}, whose manifest cannot be read`)
      continue
    }
    const { parent } = manifest
    if (parent !== null && parent !== version && there.includes(parent)) add(parent, `parent of ${version}`)
  }
  return uses
}
