import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClickHouseClient } from '@clickhouse/client'
import { z } from 'zod'
import { DriftlineError } from '../core/errors.ts'
import { packageRoot } from '../core/package-root.ts'
import { onCluster } from './cluster.ts'
import { quoteIdentifier, statements } from './lexer.ts'

export interface Migration {
  /** The number its file name begins with. */
  readonly version: number
  readonly name: string
  readonly sql: string
}

const folder = join(packageRoot, 'clickhouse/migrations')

/** All migrations, in order. */
export const migrations: readonly Migration[] = readdirSync(folder)
  .filter((file) => file.endsWith('.sql'))
  .sort()
  .map((file) => ({
    version: Number.parseInt(file, 10),
    name: file.slice(0, -'.sql'.length),
    sql: readFileSync(join(folder, file), 'utf8'),
  }))

/** The database with the analysts' views: `analytics` beside `driftline`, `<name>_analytics` beside any other. */
const analyticsDatabase = (database: string): string =>
  database === 'driftline' ? 'analytics' : `${database}_analytics`

/** The statements of a migration for one database, on one server or on all of a cluster. */
export const migrationStatements = (sql: string, database: string, cluster?: string): readonly string[] =>
  statements(
    sql
      .replaceAll('__database__', quoteIdentifier(database))
      .replaceAll('__analytics__', quoteIdentifier(analyticsDatabase(database))),
  ).flatMap((statement) => (cluster === undefined ? [statement] : onCluster(statement, cluster)))

/** Where versions are written down once they are applied. */
const versionTable = `
CREATE DATABASE IF NOT EXISTS __database__;
CREATE TABLE IF NOT EXISTS __database__.schema_migrations
(version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY version SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`

export interface MigrateOptions {
  readonly known?: readonly Migration[]
  /** See `onCluster`. */
  readonly cluster?: string | undefined
}

/**
 * Brings a database to the newest schema: applies, in the order of their numbers, the migrations that it lacks; one that
 * came into the program later with a lower number is among them. Statements name their database, so the client's own need
 * not exist yet.
 *
 * ClickHouse has neither locks nor transactions over DDL. Any number of installers may race all the same: each
 * statement is one that can be repeated (`IF NOT EXISTS`, `OR REPLACE`), and a version is written down only after its
 * last statement, so an installer that died half-way is simply followed by one that repeats.
 *
 * @returns the versions that were applied
 * @throws DriftlineError `SCHEMA_NEWER` when the database was made by a newer program
 */
export async function migrate(
  client: ClickHouseClient,
  database: string,
  { known = migrations, cluster }: MigrateOptions = {},
): Promise<readonly number[]> {
  const newest = known.at(-1)?.version ?? 0
  const applied = await appliedVersions(client, database)
  const current = Math.max(0, ...applied)
  if (current > newest) throw new DriftlineError('SCHEMA_NEWER', { database, found: current, known: newest })
  const pending = known.filter(({ version }) => !applied.has(version))
  if (pending.length === 0) return []

  const apply = async (sql: string) => {
    for (const statement of migrationStatements(sql, database, cluster)) await repeatable(client, statement)
  }
  await apply(versionTable)
  for (const migration of pending) {
    await apply(migration.sql)
    await client.insert({
      table: `${quoteIdentifier(database)}.schema_migrations`,
      columns: ['version', 'name'],
      values: [{ version: migration.version, name: migration.name }],
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0 },
    })
  }
  return pending.map(({ version }) => version)
}

/** None when the database has no tables of ours. */
async function appliedVersions(client: ClickHouseClient, database: string): Promise<ReadonlySet<number>> {
  const tables = await client.query({
    query: `SELECT count() AS tables FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'`,
    query_params: { database },
    format: 'JSONEachRow',
  })
  const [{ tables: found }] = z.tuple([z.object({ tables: z.coerce.number() })]).parse(await tables.json())
  if (found === 0) return new Set()
  const rows = await client.query({
    query: `SELECT DISTINCT version FROM ${quoteIdentifier(database)}.schema_migrations`,
    format: 'JSONEachRow',
  })
  return new Set(
    z
      .array(z.object({ version: z.coerce.number() }))
      .parse(await rows.json())
      .map(({ version }) => version),
  )
}

/**
 * Two installers that create or replace the same object at the same moment can get in each other's way: one then sees
 * it as existing already, or half exchanged. The statement is repeated; what else fails, fails the same way each time.
 */
async function repeatable(client: ClickHouseClient, query: string): Promise<void> {
  const attempts = 5
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.command({ query })
      return
    } catch (error) {
      if (attempt === attempts) throw error
      await new Promise((resolve) => setTimeout(resolve, attempt * 20))
    }
  }
}
