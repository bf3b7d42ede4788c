import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../core/log.ts'
import { clusterSettings, onCluster } from './cluster.ts'
import { type Store, startStore } from './embedded/server.ts'
import { insertGuarded } from './insert-guarded.ts'
import { migrate, migrationStatements, migrations } from './migrate.ts'
import { select } from './queries.ts'
import { scoreRows } from './testing/score-rows.ts'

const cluster = 'here'
let folder: string
let store: Store
/** One that needs no database of ours, and one in it. */
let server: ClickHouseClient
let client: ClickHouseClient

// One server that knows a cluster of which it is the only shard: distributed tables work as they do over many, without
// a second server. Replication needs a keeper, which does not run here, so the replicated engines are only parsed.
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'driftline-cluster-'))
  const config = join(folder, 'cluster.xml')
  const shard = '<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>'
  writeFileSync(
    config,
    `<clickhouse><tcp_port>9000</tcp_port><remote_servers><${cluster}>${shard}</${cluster}></remote_servers></clickhouse>`,
  )
  store = await startStore({
    folder,
    password: 'p',
    port: 0,
    anyPort: true,
    log: createLog('test', 'silent'),
    engineArgs: [`--config-file=${config}`],
  })
  const options = {
    url: store.url,
    password: 'p',
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: { distributed_foreground_insert: 1, distributed_product_mode: 'global' },
  } as const
  server = createClient(options)
  client = createClient({ ...options, database: 'driftline' })
})
afterAll(async () => {
  await Promise.all([server.close(), client.close()])
  await store[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const command = (query: string) => server.command({ query })

async function rows(query: string, from = client): Promise<unknown[]> {
  return (
    await from.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
  ).json()
}

test('a table becomes a replicated one on each server and a distributed one over them', () => {
  const statement = `CREATE TABLE IF NOT EXISTS \`d\`.labels
(
    post_id String,
    at DateTime64(3, 'UTC') -- (when)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY post_id
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1`
  const [local, distributed] = onCluster(statement, 'c')
  expect(local).toMatch(/^CREATE TABLE IF NOT EXISTS `d`\.labels_local ON CLUSTER `c` \(/)
  expect(local).toContain('ENGINE = ReplicatedReplacingMergeTree(at)')
  expect(local).toContain('SETTINGS replicated_deduplication_window = 0, fsync_after_insert = 1')
  expect(distributed).toBe(
    "CREATE TABLE IF NOT EXISTS `d`.labels ON CLUSTER `c` AS `d`.labels_local ENGINE = Distributed('c', 'd', 'labels_local', cityHash64(post_id))",
  )
})

test('views and databases are made on all servers, and columns are added to both tables', () => {
  expect(onCluster('CREATE DATABASE IF NOT EXISTS `d`', 'c')).toEqual([
    'CREATE DATABASE IF NOT EXISTS `d` ON CLUSTER `c`',
  ])
  expect(onCluster('CREATE OR REPLACE VIEW `d`.v AS SELECT 1', 'c')).toEqual([
    'CREATE OR REPLACE VIEW `d`.v ON CLUSTER `c` AS SELECT 1',
  ])
  expect(onCluster('ALTER TABLE `d`.t\n    ADD COLUMN a UInt8', 'c')).toEqual([
    'ALTER TABLE `d`.t_local ON CLUSTER `c`\n    ADD COLUMN a UInt8',
    'ALTER TABLE `d`.t ON CLUSTER `c`\n    ADD COLUMN a UInt8',
  ])
})

test('settings of parts are those of the replicated table alone', () => {
  expect(onCluster('ALTER TABLE `d`.t MODIFY SETTING merge_selector_base = 10', 'c')).toEqual([
    'ALTER TABLE `d`.t_local ON CLUSTER `c` MODIFY SETTING merge_selector_base = 10',
  ])
})

test('a statement of a kind that is not known is refused and not run on one server only', () => {
  expect(() => onCluster('OPTIMIZE TABLE `d`.t', 'c')).toThrow('OPTIMIZE TABLE')
})

test.each(migrations.map(({ name, sql }) => [name, sql] as const))(
  'the engine can read %s for a cluster',
  async (_, sql) => {
    for (const statement of migrationStatements(sql, 'driftline', cluster)) {
      const [parsed] = await rows(`SELECT formatQuerySingleLineOrNull(${quoted(statement)}) AS sql`, server)
      expect(parsed, statement).toMatchObject({ sql: expect.stringContaining('ON CLUSTER') })
    }
  },
)

test('over distributed tables, inserts are guarded, positions found and views answered as over plain ones', async () => {
  for (const { sql } of migrations) {
    for (const statement of migrationStatements(sql, 'driftline', cluster)) {
      await command(
        statement
          .replace(` ON CLUSTER \`${cluster}\``, '')
          .replace('= Replicated', '= ')
          .replace(' replicated_', ' non_replicated_'),
      )
    }
  }
  const from = { topic: 'posts', topicId: 'T', partition: 0 }
  await insertGuarded(client, 'scores', from, scoreRows(0, 1000))
  await insertGuarded(client, 'scores', from, scoreRows(500, 1000)) // half of them again
  await insertGuarded(client, 'scores', { ...from, partition: 1 }, scoreRows(0, 10, 1))
  expect(await select(client, 'resume', { topic: 'posts' })).toMatchObject([
    { partition: 0, next_offset: 1500, rows: 1500 },
    { partition: 1, next_offset: 10, rows: 10 },
  ])
  expect(await rows('SELECT count() AS here FROM scores_local')).toEqual([{ here: 1510 }])
  expect(await select(client, 'class_counts_view')).toEqual(await select(client, 'class_counts'))
  expect(await select(client, 'verify_aggregates', { topic: 'posts', topic_id: 'T', limit: 10 })).toEqual([])
  expect(await rows('SELECT count() AS posts FROM analytics.posts')).toEqual([{ posts: 1510 }])
})

test('the schema of one server does not pass for that of a cluster that is not there', async () => {
  await expect(migrate(server, 'elsewhere', { cluster: 'nowhere' })).rejects.toThrow()
})

test('a client of a cluster waits for a majority and reads what it has', () => {
  expect(clusterSettings).toMatchObject({ insert_quorum: 'auto', select_sequential_consistency: '1' })
})

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
