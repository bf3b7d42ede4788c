import { DriftlineError } from '../core/errors.ts'
import { quoteIdentifier, quoteString } from './lexer.ts'

/**
 * What decides the shard of a row. All rows of a log partition lie on one shard, so that an insert is still one part
 * there; all answers for a post lie together, so that FINAL finds them. Tables that are not named are small: their rows
 * are on the first shard.
 */
const shardedBy: Readonly<Record<string, string>> = {
  scores: 'cityHash64(topic, partition)',
  dead_posts: 'cityHash64(topic, partition)',
  labels: 'cityHash64(post_id)',
  review_queue: 'cityHash64(post_id)',
}

/**
 * A statement of a migration, for a cluster: each table `t` becomes a replicated `t_local` on every server and a
 * distributed `t` over them, so that queries, inserts and views stay as they are.
 *
 * @param statement for one server, with quoted databases
 * @throws DriftlineError `CLUSTER_UNSUPPORTED` for a statement of a kind that no migration has had yet
 */
export function onCluster(statement: string, cluster: string): readonly string[] {
  const everywhere = ` ON CLUSTER ${quoteIdentifier(cluster)}`
  const [head = ''] = statement.split('\n')

  const created = /^CREATE DATABASE IF NOT EXISTS (\S+)$/.exec(statement)
  if (created !== null) return [`${statement}${everywhere}`]

  const view = /^CREATE OR REPLACE VIEW (\S+) AS\b/.exec(statement)
  if (view !== null) return [statement.replace(` ${view[1]} AS`, () => ` ${view[1]}${everywhere} AS`)]

  const altered = /^ALTER TABLE (\S+)\.(\w+)/.exec(statement)
  if (altered !== null) {
    const [whole, database, table] = altered
    const rest = statement.slice(whole.length)
    // Columns are those of both; what is set is set for the parts, which only the replicated one has.
    const tables = rest.trimStart().startsWith('MODIFY SETTING') ? [`${table}_local`] : [`${table}_local`, table]
    return tables.map((name) => `ALTER TABLE ${database}.${name}${everywhere}${rest}`)
  }

  const table = /^CREATE TABLE IF NOT EXISTS (\S+)\.(\w+)\s*(\([\s\S]*\n?\))\s*ENGINE = (\w*MergeTree)([\s\S]*)$/.exec(
    statement,
  )
  if (table === null) throw new DriftlineError('CLUSTER_UNSUPPORTED', { statement: head })
  const [, database = '', name = '', columns, engine, rest = ''] = table
  const local = `${database}.${name}_local`
  const target = [cluster, unquoted(database), `${name}_local`].map(quoteString).join(', ')
  // An insert that is repeated leaves out what is there by itself; nobody else may leave out anything.
  const settings = rest.replace('non_replicated_deduplication_window', 'replicated_deduplication_window')
  return [
    `CREATE TABLE IF NOT EXISTS ${local}${everywhere} ${columns} ENGINE = Replicated${engine}${settings}`,
    `CREATE TABLE IF NOT EXISTS ${database}.${name}${everywhere} AS ${local} ENGINE = Distributed(${target}, ${shardedBy[name] ?? '0'})`,
  ]
}

/**
 * What makes an insert into a cluster durable, and the next read see it: it is acknowledged by a majority of the
 * shard's replicas, one after another, and whoever asks for a position asks a replica that has all of them.
 */
export const clusterSettings = {
  distributed_foreground_insert: 1,
  insert_quorum: 'auto',
  insert_quorum_parallel: 0,
  select_sequential_consistency: '1',
  distributed_product_mode: 'global', // the inner table of an IN or a JOIN is read once, from all shards
} as const

const unquoted = (identifier: string): string => identifier.replace(/^`|`$/g, '')
