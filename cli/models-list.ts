import type { Registry } from '../models/registry/registry.ts'
import { runs, verb } from './command.ts'
import { openRegistry } from './registry.ts'

interface Listed {
  readonly name: string
  readonly version: number
  readonly parent: number | null
  readonly createdAt: string
  readonly bytes: number
  readonly metrics: Readonly<Record<string, number>>
  readonly aliases: readonly string[]
}

/** `models list`. */
export const listCommand = () =>
  verb('list', 'list the versions in the registry and what points to them').action(
    runs(async ({ config, json }) => {
      const versions = await list(await openRegistry(config))
      process.stdout.write(json ? `${JSON.stringify(versions, null, 2)}\n` : table(versions))
      return 0
    }),
  )

async function list(registry: Registry): Promise<Listed[]> {
  const listed: Listed[] = []
  for (const name of await registry.names()) {
    const { at } = await registry.aliases(name)
    for (const version of await registry.versions(name)) {
      const { parent, createdAt, files, metrics } = await registry.manifest(name, version)
      const bytes = Object.values(files).reduce((sum, file) => sum + file.bytes, 0)
      const aliases = Object.keys(at).filter((alias) => at[alias] === version)
      listed.push({ name, version, parent, createdAt, bytes, metrics, aliases })
    }
  }
  return listed
}

function table(versions: readonly Listed[]): string {
  const header = ['version', 'parent', 'made', 'MB', 'accuracy', 'aliases']
  const rows = versions.map(({ name, version, parent, createdAt, bytes, metrics, aliases }) => [
    `${name}@${version}`,
    parent === null ? '' : String(parent),
    createdAt.slice(0, 16).replace('T', ' '),
    (bytes / 1e6).toFixed(1),
    metrics.accuracy?.toFixed(3) ?? '',
    aliases.join(', '),
  ])
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return [header, ...rows].map((row) => `${line(row).trimEnd()}\n`).join('')
}
