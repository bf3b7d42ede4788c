import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { ClickHouseError } from '@clickhouse/client'
import { storeFailure } from '../clickhouse/client.ts'
import { DriftlineError } from '../core/errors.ts'
import { runs, verb } from './command.ts'
import { withStore } from './with-store.ts'

/** One statement, its result on stdout as it comes. */
export const sqlCommand = () =>
  verb('sql', 'run one SQL statement and print its result')
    .argument('<query>', 'the statement; - reads it from stdin')
    .option('--format <name>', "ClickHouse's output format; PrettyCompact on a terminal, otherwise TabSeparated")
    .action(
      runs<{ format?: string }>(async ({ config, log, json, signal }, options, args) => {
        const query = args[0] === '-' ? await text(process.stdin) : (args[0] ?? '')
        const format = options.format ?? (json ? 'JSON' : process.stdout.isTTY ? 'PrettyCompact' : 'TabSeparated')
        await withStore(config, log, signal, async (client) => {
          try {
            const { stream, response_headers } = await client.exec({
              query,
              clickhouse_settings: { default_format: format } as Record<string, string>,
              abort_signal: signal,
              ignore_error_response: true,
            })
            const code = response_headers['x-clickhouse-exception-code']
            if (code !== undefined) throw refusal(await text(stream), String(code))
            for await (const chunk of stream) {
              if (!process.stdout.write(chunk)) await once(process.stdout, 'drain')
            }
          } catch (error) {
            signal.throwIfAborted()
            const failure = storeFailure(error)
            if (failure instanceof ClickHouseError) {
              throw new DriftlineError('SQL_FAILED', {
                code: failure.code,
                type: failure.type,
                reason: failure.message,
              })
            }
            throw failure
          }
        })
        return 0
      }),
    )

/** The client's own reading of a message ends at the first word in brackets and capitals, which may be of the statement. */
function refusal(said: string, code: string): ClickHouseError {
  const found = /^Code: \d+\. DB::Exception: (.*?)\s*\((\w+)\)(?: \(version .*\))?\s*$/s.exec(said)
  return new ClickHouseError({ code, message: found?.[1] ?? said, type: found?.[2] ?? '' })
}
