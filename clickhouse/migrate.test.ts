import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { migrate, migrations } from './migrate.ts'
import { type TestStore, testStore } from './testing/test-store.ts'

const database = 'driftline_migrate'
let store: TestStore

beforeAll(async () => {
  store = await testStore(database)
})
afterAll(async () => store[Symbol.asyncDispose]())

const strings = async (query: string): Promise<string[]> => {
  const result = await store.client().query({ query, format: 'JSONEachRow' })
  return z
    .array(z.object({ value: z.string() }))
    .parse(await result.json())
    .map(({ value }) => value)
}

test('versions are distinct and in order', () => {
  const versions = migrations.map(({ version }) => version)
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b))
})

test('a migration that came later with a lower number is applied too', async () => {
  const name = 'driftline_gap'
  const made = (version: number) => ({ version, name: `000${version}`, sql: 'SELECT 1' })
  await migrate(store.client(), name, { known: [made(1), made(3)] })
  expect(await migrate(store.client(), name, { known: [made(1), made(2), made(3)] })).toEqual([2])
})

test('twenty installers that race leave one schema, and a later one has nothing to do', async () => {
  const name = 'driftline_race'
  const racers = Array.from({ length: 20 }, () => migrate(store.client(), name))
  await Promise.all(racers)
  const applied = await strings(`SELECT name AS value FROM ${name}.schema_migrations FINAL ORDER BY version`)
  expect(applied).toEqual(migrations.map((migration) => migration.name))
  expect(await migrate(store.client(), name)).toEqual([])
})

test('an installer that died half-way is followed by one that ends its work', async () => {
  const name = 'driftline_half'
  const broken = migrations.map((migration, at) => (at === 2 ? { ...migration, sql: 'SELECT throwIf(1)' } : migration))
  await expect(migrate(store.client(), name, { known: broken })).rejects.toThrow()
  expect(await migrate(store.client(), name)).toEqual(migrations.slice(2).map(({ version }) => version))
})

test('a schema that is newer than the program is refused', async () => {
  const name = 'driftline_newer'
  await migrate(store.client(), name, { known: [...migrations, { version: 99, name: '0099_later', sql: '' }] })
  await expect(migrate(store.client(), name)).rejects.toMatchObject({ code: 'SCHEMA_NEWER', details: { found: 99 } })
})

test('schema.sql is what the migrations make (npx vitest -u writes it anew)', async () => {
  const name = 'driftline'
  await migrate(store.client(), name)
  const objects = await strings(
    `SELECT concat(database, '.', name) AS value FROM system.tables
     WHERE database IN ('driftline', 'analytics') ORDER BY database DESC, engine, name`,
  )
  const dumped = await Promise.all(
    objects.map((object) =>
      strings(`SELECT create_table_query AS value FROM system.tables
      WHERE concat(database, '.', name) = '${object}'`),
    ),
  )
  const layout = (sql: string) =>
    sql.replace(/, (?=(?:INDEX|PROJECTION) )/g, ',\n  ').replaceAll(' ENGINE =', '\nENGINE =')
  await expect(`${dumped.flat().map(layout).join(';\n\n')};\n`).toMatchFileSnapshot('schema.sql')
})
