import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import type { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { alertQueries } from './rows/alerts.ts'
import { driftQueries } from './rows/drift.ts'
import { labelQueries } from './rows/labels.ts'
import { scoreQueries } from './rows/scores.ts'
import { trainingQueries } from './rows/trainings.ts'

/** What the queries of `clickhouse/queries/` return, by the name of the file. */
const queryRows = { ...scoreQueries, ...labelQueries, ...driftQueries, ...trainingQueries, ...alertQueries }

export type QueryName = keyof typeof queryRows
export type QueryRow<Name extends QueryName> = z.infer<(typeof queryRows)[Name]>

const texts = new Map<QueryName, string>()

/** The text of `clickhouse/queries/<name>.sql`. */
function queryText(name: QueryName): string {
  const known = texts.get(name) ?? readFileSync(join(packageRoot, 'clickhouse/queries', `${name}.sql`), 'utf8')
  texts.set(name, known)
  return known
}

/**
 * Runs a query of `clickhouse/queries/` in the client's database.
 *
 * @param parameters its `{name:Type}` parameters
 * @param settings of this query alone, such as the time it may take
 * @returns rows checked against their schema in `rows/`
 */
export async function select<Name extends QueryName>(
  client: ClickHouseClient,
  name: Name,
  parameters: Readonly<Record<string, unknown>> = {},
  signal?: AbortSignal,
  settings: ClickHouseSettings = {},
): Promise<readonly QueryRow<Name>[]> {
  const result = await client.query({
    query: queryText(name),
    query_params: parameters,
    format: 'JSONEachRow',
    use_multipart_params_auto: true, // a list of post ids is longer than a URL may be
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0, ...settings },
    ...(signal === undefined ? {} : { abort_signal: signal }),
  })
  const schema: z.ZodType = queryRows[name]
  return (await result.json()).map((row) => schema.parse(row) as QueryRow<Name>)
}
