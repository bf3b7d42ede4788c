import { writeFile } from 'node:fs/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { Option } from 'commander'
import { insertLabels } from '../clickhouse/labels.ts'
import { select } from '../clickhouse/queries.ts'
import { type LabelOrigin, labelOrigins } from '../clickhouse/rows/labels.ts'
import { type FileSource, type Format, fileSource, formatOf, formats, streamSource } from '../connectors/files.ts'
import type { RawRecord } from '../connectors/raw-record.ts'
import { systemClock } from '../core/clock.ts'
import { DriftlineError, printable } from '../core/errors.ts'
import { loadModel } from '../models/load-model.ts'
import { runs, verb } from './command.ts'
import { type Named, named, type Plan, plan } from './labels-plan.ts'
import { type GivenLabel, readLabel } from './labels-row.ts'
import { withStore } from './with-store.ts'

interface ImportFlags extends Record<string, unknown> {
  readonly by: string
  readonly origin: LabelOrigin
  readonly format?: Format
  readonly classes?: string
  readonly refused?: string
  readonly dryRun: boolean
}

/** Posts whose answers are looked up at once. */
const postsPerQuery = 1000
/** Refused rows that are named without --json. */
const shownRefusals = 20

/** `labels import`. */
export const importLabelsCommand = () =>
  verb('import', 'take in labels: which class people say each post has')
    .argument('<file>', 'JSON Lines or CSV with a header, .gz or not, of id and label; - is stdin')
    .option('--by <name>', 'who gave the answers of rows that name nobody', 'import')
    .addOption(
      new Option('--origin <origin>', 'how they came about, where a row does not say')
        .choices(labelOrigins)
        .default('import'),
    )
    .option('--model <model>', 'whose classes are allowed (DRIFTLINE_MODEL)')
    .option('--classes <names>', 'allowed classes instead of the model’s, as a,b,c')
    .addOption(new Option('--format <format>', 'of the file, if its name does not tell').choices(formats))
    .option('--refused <file>', 'where refused rows go, as JSON Lines of place, reason and the row')
    .option('--dry-run', 'say what would change, and change nothing', false)
    .addHelpText(
      'after',
      `
A row needs id (or post_id) and label; it may have by, at, probability, note, origin, and text and createdAt for posts that
were never scored. Rows without a label are passed over. Refused rows are listed, the others are imported, and the exit
code is 1. Importing a file again changes nothing.

Examples:
  $ driftline labels import answers.csv --by ada
  $ driftline labels import rulings.jsonl --by eve --origin adjudication --dry-run`,
    )
    .action(
      runs<ImportFlags>(async ({ config, loaded, log, json, signal }, flags, [file = '']) => {
        if (loaded.origins.logLevel === 'default') log.level = 'warn'
        const classes = flags.classes?.split(',').map((name) => name.trim())
        const allowed = classes ?? (await loadModel(config.model, config, { signal })).labels
        const read = await readFile(open(file, flags.format), allowed, signal)
        const people = named(read.answers, flags.by)
        const plans = await withStore(config, log, signal, (client) => apply(client, people, flags, signal))
        if (flags.refused !== undefined) {
          const lines = read.refused.map((row) => `${JSON.stringify(row)}\n`)
          await writeFile(flags.refused, lines.join(''))
        }
        const report = summary(file, flags.dryRun, read, people, plans)
        process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report))
        return read.refused.length > 0 ? 1 : 0
      }),
    )

function open(file: string, format: Format | undefined): FileSource {
  if (file === '-') return streamSource(process.stdin, 'stdin', format ?? 'jsonl')
  const known = format ?? formatOf(file)
  if (known !== undefined) return fileSource(file, known)
  throw new DriftlineError('USAGE', { reason: `what ${file} holds is not clear from its name; add --format` })
}

interface Refused {
  readonly place: string
  readonly reason: string
  /** As it stands in the file. */
  readonly row: unknown
}

interface ReadFile {
  readonly answers: readonly GivenLabel[]
  readonly refused: readonly Refused[]
  readonly rows: number
  readonly unlabelled: number
}

/** Whole in memory: a file of labels is what people have read. */
async function readFile(source: FileSource, classes: readonly string[], signal: AbortSignal): Promise<ReadFile> {
  const answers: GivenLabel[] = []
  const refused: Refused[] = []
  let [rows, unlabelled] = [0, 0]
  const reader = await source.open('0', 0, signal)
  try {
    for (let records = await reader.next(1000); records !== undefined; records = await reader.next(1000)) {
      signal.throwIfAborted()
      for (const record of records) {
        rows++
        const label = readLabel(record, classes)
        if (label.kind === 'answer') answers.push(label.answer)
        else if (label.kind === 'unlabelled') unlabelled++
        else refused.push({ place: label.place, reason: label.reason, row: rawRow(record) })
      }
    }
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  return { answers, refused, rows, unlabelled }
}

function rawRow(record: RawRecord): unknown {
  const value = record.kind === 'bad' ? record.raw : record.value
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value
}

/** In parts of a thousand posts; each is written before the next is looked up, so an import that was cut off goes on. */
async function apply(
  client: ClickHouseClient,
  { answers }: Named,
  { origin, dryRun }: ImportFlags,
  signal: AbortSignal,
): Promise<readonly Plan[]> {
  const byPost = new Map<string, (typeof answers)[number][]>()
  for (const answer of answers) byPost.set(answer.postId, [...(byPost.get(answer.postId) ?? []), answer])
  const ids = [...byPost.keys()]
  const plans: Plan[] = []
  const now = systemClock.now()
  for (let first = 0; first < ids.length; first += postsPerQuery) {
    const post_ids = ids.slice(first, first + postsPerQuery)
    const existing = await select(client, 'labels_of', { post_ids }, signal)
    const posts = await select(client, 'posts_of', { post_ids }, signal)
    const part = post_ids.flatMap((id) => byPost.get(id) ?? [])
    const made = plan(part, { existing, posts }, origin, now)
    if (!dryRun) await insertLabels(client, made.rows, signal)
    plans.push(made)
  }
  return plans
}

function summary(file: string, dryRun: boolean, read: ReadFile, people: Named, plans: readonly Plan[]) {
  const total = (field: Exclude<keyof Plan, 'rows'>) => plans.reduce((sum, one) => sum + one[field], 0)
  const classes: Record<string, number> = {}
  for (const { label } of people.answers) classes[label] = (classes[label] ?? 0) + 1
  return {
    file,
    dryRun,
    rows: read.rows,
    added: total('added'),
    changed: total('changed'),
    unchanged: total('unchanged'),
    outdated: total('outdated'),
    repeated: people.repeated,
    replaced: people.replaced,
    unlabelled: read.unlabelled,
    classes,
    unknownPosts: total('unknownPosts'),
    beforePost: total('beforePost'),
    disagreements: total('disagreements'),
    refused: read.refused,
  }
}

function describe(report: ReturnType<typeof summary>): string {
  const { dryRun, rows, added, changed, unchanged, refused, classes } = report
  const counts = Object.entries(classes).map(([name, count]) => `${name} ${count}`)
  const note = (count: number, text: string) => (count > 0 ? [`  ${count} ${text}`] : [])
  return `${[
    `${rows} rows${dryRun ? ' (dry run: nothing was changed)' : ''}: ${added} labels added, ${changed} changed, ${unchanged} as before`,
    ...(counts.length > 0 ? [`  ${counts.join(', ')}`] : []),
    ...note(report.outdated, 'older than what the same person said since; not taken'),
    ...note(report.repeated, 'that an earlier row of the file had said'),
    ...note(report.replaced, 'that a newer row of the same person replaces'),
    ...note(report.unlabelled, 'without a label; passed over'),
    ...note(report.unknownPosts, 'for posts that are not known yet; kept'),
    ...note(report.beforePost, 'older than their posts; kept'),
    ...note(report.disagreements, 'posts on which the answers differ; all kept'),
    ...note(refused.length, 'refused:'),
    ...refused.slice(0, shownRefusals).map(({ place, reason }) => `    ${place}: ${printable(reason)}`),
    ...note(Math.max(0, refused.length - shownRefusals), 'more refused; --json or --refused <file> tells them all'),
  ].join('\n')}\n`
}
