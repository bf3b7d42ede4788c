import { rename, writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import type { ClickHouseClient } from '@clickhouse/client'
import { InvalidArgumentError, Option } from 'commander'
import { select } from '../clickhouse/queries.ts'
import { type LabelOrigin, labelOrigins } from '../clickhouse/rows/labels.ts'
import { runs, verb } from './command.ts'
import { whole } from './whole.ts'
import { withStore } from './with-store.ts'

interface ExportFlags extends Record<string, unknown> {
  readonly since?: number
  readonly until?: number
  readonly origin?: LabelOrigin
  readonly minAgreement: number
  readonly minAnswers: number
  readonly answers: boolean
  readonly out?: string
}

/** `labels export`. */
export const exportLabelsCommand = () =>
  verb('export', 'write labelled posts as JSON Lines, one a post, as train --labels takes them')
    .option('--since <time>', 'posts written from then on, ISO 8601', time)
    .option('--until <time>', 'posts written before then, ISO 8601', time)
    .addOption(new Option('--origin <origin>', 'only posts with an answer that came about so').choices(labelOrigins))
    .option('--min-agreement <share>', 'least share of the answers that say what is written', share, 0)
    .option('--min-answers <n>', 'least number of answers for a post', whole(1), 1)
    .option('--answers', 'every answer in a row of its own instead; labels import takes them back', false)
    .option('--out <file>', 'file to write instead of stdout; packed when it ends in .gz')
    .addHelpText(
      'after',
      '\nExample:\n  $ driftline labels export --since 2026-01-01T00:00:00Z --out fresh.jsonl.gz && driftline train --base bundled --labels fresh.jsonl.gz',
    )
    .action(
      runs<ExportFlags>(async ({ config, loaded, log, signal }, flags) => {
        if (loaded.origins.logLevel === 'default') log.level = 'warn'
        const { rows, left } = await withStore(config, log, signal, (client) => collect(client, flags, signal))
        const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
        if (flags.out === undefined) process.stdout.write(text)
        else {
          await writeFile(`${flags.out}.part`, flags.out.endsWith('.gz') ? gzipSync(text) : text)
          await rename(`${flags.out}.part`, flags.out)
        }
        const notes = Object.entries(left).flatMap(([why, count]) => (count > 0 ? [`${count} ${why}`] : []))
        const without = notes.length > 0 ? `; left out: ${notes.join(', ')}` : ''
        process.stderr.write(`${rows.length} ${flags.answers ? 'answers' : 'posts'}${without}\n`)
        return 0
      }),
    )

const iso = (ms: number): string => new Date(ms).toISOString()
/** A post that is not known yet has no time. */
const written = (ms: number) => (ms > 0 ? { ts: iso(ms) } : {})

async function collect(client: ClickHouseClient, flags: ExportFlags, signal: AbortSignal) {
  const window = { from_ms: flags.since ?? 0, to_ms: flags.until ?? Date.UTC(2200, 0, 1) }
  const ofOrigin = (origins: readonly string[]) => flags.origin === undefined || origins.includes(flags.origin)
  if (flags.answers) {
    const answers = await select(client, 'label_answers', window, signal)
    const rows = answers.flatMap((row) =>
      ofOrigin([row.origin])
        ? {
            id: row.post_id,
            label: row.label,
            by: row.labelled_by,
            at: iso(row.labelled_at_ms),
            origin: row.origin,
            probability: row.selection_probability,
            note: row.note,
            text: row.text,
            ...written(row.event_at_ms),
          }
        : [],
    )
    return { rows, left: {} }
  }
  const left = { 'on which answers tie': 0, 'without a text': 0, 'with too few or too different answers': 0 }
  const rows = (await select(client, 'labels_effective', window, signal)).flatMap((row) => {
    const agreement = row.adjudicated ? 1 : row.agreeing / row.answers
    if (!ofOrigin(row.origins)) return []
    if (row.tied) left['on which answers tie']++
    else if (row.text.trim() === '') left['without a text']++
    else if (agreement < flags.minAgreement || row.answers < flags.minAnswers) {
      left['with too few or too different answers']++
    } else {
      return {
        id: row.post_id,
        text: row.text,
        label: row.label,
        ...written(row.event_at_ms),
        answers: row.answers,
        agreement,
        adjudicated: row.adjudicated,
        origins: row.origins,
        probability: row.selection_probability,
      }
    }
    return []
  })
  return { rows, left }
}

function time(value: string): number {
  const ms = Date.parse(value)
  if (Number.isFinite(ms)) return ms
  throw new InvalidArgumentError('It must be an ISO 8601 time.')
}

function share(value: string): number {
  const number = Number(value)
  if (value !== '' && number >= 0 && number <= 1) return number
  throw new InvalidArgumentError('It must be a share from 0 to 1.')
}
