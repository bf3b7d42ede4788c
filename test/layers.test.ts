import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../core/package-root.ts'

/** Folders by layer, lowest first: a file imports its own layer or one below it. */
const layers: readonly (readonly string[])[] = [
  ['core'],
  ['dataflow', 'stats'],
  ['connectors', 'inference', 'models', 'clickhouse', 'text'],
  ['jobs', 'training', 'dashboard'],
  ['cli'],
  ['bench', 'examples'],
]
const layerOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder))

interface Import {
  readonly file: string
  readonly from: string
  readonly to: string
}

const sources = execFileSync(
  'git',
  ['-c', 'safe.directory=*', 'ls-files', '--cached', '--others', '--exclude-standard', '*.ts'],
  {
    cwd: packageRoot,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => file !== '' && !file.endsWith('.test.ts') && layerOf(file.split('/')[0] ?? '') >= 0)

const unit = (path: string): string =>
  path
    .split(sep)
    .slice(0, path.startsWith('jobs') ? 2 : 1)
    .join('/')

const imports: Import[] = sources.flatMap((file) =>
  [...readFileSync(join(packageRoot, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => ({
    file,
    from: unit(file),
    to: unit(normalize(join(dirname(file), match[1] ?? ''))),
  })),
)

test('the imports of at least the core are seen', () => {
  expect(imports.length).toBeGreaterThan(10)
})

test('imports point one way: cli → jobs, training, dashboard → connectors … → dataflow, stats → core', () => {
  const upward = imports.filter(({ from, to }) => layerOf(to.split('/')[0] ?? '') > layerOf(from.split('/')[0] ?? ''))
  expect(upward).toEqual([])
})

test('jobs never import jobs', () => {
  const between = imports.filter(({ from, to }) => from.startsWith('jobs/') && to.startsWith('jobs/') && from !== to)
  expect(between.filter(({ to }) => !to.endsWith('.ts'))).toEqual([])
})

test('no two folders import each other, directly or in a circle', () => {
  const edges = new Map<string, Set<string>>()
  for (const { from, to } of imports) {
    if (from !== to) edges.set(from, (edges.get(from) ?? new Set()).add(to))
  }
  const circles: string[] = []
  const walk = (folder: string, path: readonly string[]): void => {
    if (path.includes(folder)) {
      circles.push([...path.slice(path.indexOf(folder)), folder].join(' → '))
      return
    }
    for (const next of edges.get(folder) ?? []) walk(next, [...path, folder])
  }
  for (const folder of edges.keys()) walk(folder, [])
  expect(circles).toEqual([])
})
