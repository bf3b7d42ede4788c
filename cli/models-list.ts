import { DriftlineError } from '../core/errors.ts'
import { gateFiles } from '../models/gates/report.ts'
import type { Lineage } from '../models/registry/manifest.ts'
import { manifestOrDamage, type Registry } from '../models/registry/registry.ts'
import { signaturesOf } from '../models/registry/signatures.ts'
import { runs, verb } from './command.ts'
import { openRegistry } from './registry.ts'

interface Named {
  readonly name: string
  readonly version: number
  readonly aliases: readonly string[]
  /** Keys that signed it. */
  readonly signedBy: readonly string[]
}

/** A version whose manifest does not say what it is any more. */
interface Damaged extends Named {
  readonly damage: string
}

interface Whole extends Named {
  readonly parent: number | null
  readonly createdAt: string
  readonly bytes: number
  readonly metrics: Readonly<Record<string, number>>
  /** What it was made of; `null` for a version that came from elsewhere. */
  readonly lineage: Lineage | null
  /** Whether it has these; `models show` says what they say. */
  readonly certificate: boolean
  readonly gates: boolean
}

type Listed = Whole | Damaged

/** `models list`. */
export const listCommand = () =>
  verb('list', 'list the versions in the registry and what points to them').action(
    runs(async ({ config, json, signal }) => {
      const versions = await list(await openRegistry(config, signal))
      process.stdout.write(json ? `${JSON.stringify(versions, null, 2)}\n` : table(versions))
      return 0
    }),
  )

async function list(registry: Registry): Promise<Listed[]> {
  const listed: Listed[] = []
  for (const name of await registry.names()) {
    const { at } = await registry.aliases(name)
    for (const version of await registry.versions(name)) {
      const aliases = Object.keys(at).filter((alias) => at[alias] === version)
      const signedBy = (await signaturesOf(registry.documents, name, version)).signatures.map(({ key }) => key)
      const manifest = await manifestOrDamage(registry, name, version)
      if (manifest instanceof DriftlineError) {
        listed.push({ name, version, aliases, signedBy, damage: manifest.message })
        continue
      }
      const { parent, createdAt, files, metrics, lineage = null } = manifest
      const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0)
      const [certificate, gates] = ['certificate.json', gateFiles.report].map((file) => Object.hasOwn(files, file))
      const has = { certificate: certificate === true, gates: gates === true }
      listed.push({ name, version, parent, createdAt, bytes, metrics, aliases, lineage, ...has, signedBy })
    }
  }
  return listed
}

function table(versions: readonly Listed[]): string {
  const header = ['version', 'parent', 'made', 'MB', 'accuracy', 'labels', 'signed', 'aliases']
  const rows = versions.map((listed) => {
    const { name, version, signedBy, aliases } = listed
    const facts = 'damage' in listed ? ['', 'damaged', '', '', ''] : factsOf(listed)
    return [`${name}@${version}`, ...facts, signedBy.length === 0 ? '' : 'yes', aliases.join(', ')]
  })
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return [header, ...rows].map((row) => `${line(row).trimEnd()}\n`).join('')
}

const factsOf = ({ parent, createdAt, bytes, metrics, lineage }: Whole): string[] => [
  parent === null ? '' : String(parent),
  createdAt.slice(0, 16).replace('T', ' '),
  (bytes / 1e6).toFixed(1),
  metrics.accuracy?.toFixed(3) ?? '',
  lineage === null ? '' : String(lineage.labels),
]
