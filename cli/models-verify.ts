import type { Config } from '../core/config.ts'
import { DriftlineError } from '../core/errors.ts'
import type { Registry } from '../models/registry/registry.ts'
import { runs, verb } from './command.ts'
import { openRegistry, type VersionRef, versionRef } from './registry.ts'

interface Verdict {
  readonly subject: string
  readonly ok: boolean
  readonly reason?: string
}

/** `models verify`. */
export const verifyModelsCommand = () =>
  verb('verify', 'compare every file of versions with its sha256, and the aliases with the versions')
    .argument('[versions...]', 'such as sentiment@2, or 2 (default: all of the registry)')
    .action(
      runs(async ({ config, json }, _, args) => {
        const verdicts = await verify(await openRegistry(config), config, args)
        process.stdout.write(json ? `${JSON.stringify(verdicts, null, 2)}\n` : verdicts.map(line).join(''))
        return verdicts.every(({ ok }) => ok) ? 0 : 1
      }),
    )

async function verify(registry: Registry, config: Config, args: readonly string[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const check = async (subject: string, act: () => Promise<unknown>) => {
    try {
      await act()
      verdicts.push({ subject, ok: true })
    } catch (error) {
      if (!(error instanceof DriftlineError)) throw error
      verdicts.push({ subject, ok: false, reason: error.message })
    }
  }
  const named = args.map((arg) => versionRef(arg, config))
  for (const { name, version } of named.length > 0 ? named : await all(registry)) {
    await check(`${name}@${version}`, () => registry.open(name, version))
  }
  if (named.length > 0) return verdicts
  for (const name of await registry.names()) {
    await check(`${name} aliases and audit`, async () => {
      const [{ at }, versions] = [await registry.aliases(name), await registry.versions(name)]
      await registry.audit(name)
      for (const [alias, version] of Object.entries(at)) {
        if (!versions.includes(version)) throw new DriftlineError('VERSION_UNKNOWN', { model: name, alias, version })
      }
    })
  }
  return verdicts
}

async function all(registry: Registry): Promise<VersionRef[]> {
  const names = await registry.names()
  const versions = await Promise.all(names.map((name) => registry.versions(name)))
  return names.flatMap((name, index) => (versions[index] ?? []).map((version) => ({ name, version })))
}

const line = ({ subject, ok, reason }: Verdict): string =>
  ok ? `ok      ${subject}\n` : `NOT ok  ${subject}: ${reason}\n`
