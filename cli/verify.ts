import { openEventLog } from '../connectors/open-log.ts'
import type { Config } from '../core/config.ts'
import { type Finding, type Verification, type VerifiedTopic, verify } from '../jobs/score/verify.ts'
import { deadTopicOf } from '../text/dead-post.ts'
import { runs, verb } from './command.ts'
import { withStore } from './with-store.ts'

/** Compares log and tables: the check that nothing was lost, doubled or miscounted. */
export const verifyCommand = () =>
  verb('verify', 'compare log and tables: gaps, duplicates, and aggregates against rows').action(
    runs(async ({ config, log, signal, json }) => {
      const eventLog = await openEventLog(config, log)
      try {
        const result = await withStore(config, log, signal, (client) =>
          verify(eventLog, client, topicsOf(config), signal),
        )
        process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result))
        return result.ok ? 0 : 1
      } finally {
        await eventLog[Symbol.asyncDispose]()
      }
    }),
  )

const topicsOf = ({ topic }: Config): readonly VerifiedTopic[] => [
  { topic, positionsIn: 'scores' },
  { topic: deadTopicOf(topic), positionsIn: 'dead_posts' },
]

function describe(result: Verification): string {
  const header = ['topic', 'partition', 'appended', 'scored', 'dead', 'waiting', 'gaps', 'duplicates']
  const rows = result.partitions.map((row) => header.map((name) => String(row[name as keyof typeof row])))
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ')
  const verdict = result.ok
    ? `ok: gaps = 0, duplicates = 0, aggregates = rows; ${result.appended} posts accounted for, ${result.waiting} of them waiting`
    : `NOT ok: gaps = ${result.gaps}, duplicates = ${result.duplicates}\n${result.findings.map(tell).join('\n')}`
  const foreign =
    result.foreignRows === 0 ? '' : `${result.foreignRows} rows came from topics of these names that are gone\n`
  return `${line(header)}\n${rows.map((row) => `${line(row)}\n`).join('')}${foreign}${verdict}\n`
}

function tell(finding: Finding): string {
  switch (finding.kind) {
    case 'gap':
      return `  ${finding.topic} ${finding.partition}: offsets ${finding.from} to ${finding.to} are missing`
    case 'duplicate':
      return `  ${finding.topic} ${finding.partition}: offset ${finding.offset} stands ${finding.rows} times`
    case 'beyond':
      return `  ${finding.topic} ${finding.partition}: the log ends at ${finding.end}, the tables at ${finding.position}`
    case 'version':
      return `  ${finding.topic} ${finding.partition}: offset ${finding.offset} was scored by version ${finding.version}, swaps says ${finding.recorded}`
    case 'aggregate':
      return `  ${finding.view} ${finding.key}: ${finding.projected} in the view, ${finding.counted} rows`
  }
}
