import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { createScorer } from '../inference/create-scorer.ts'
import type { Scored } from '../inference/scorer.ts'
import type { ModelDirectory } from '../models/model-directory.ts'
import { mcnemar } from '../stats/mcnemar.ts'
import { type Context, runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'
import { openRegistry, versionRef } from './registry.ts'
import { whole } from './whole.ts'

interface DiffFlags extends Record<string, unknown> {
  readonly on: string
  readonly examples: number
}

const Row = z.object({ text: z.string(), label: z.string().nullish() })
type Row = z.infer<typeof Row>

interface Flip {
  readonly text: string
  readonly label: string | undefined
  readonly first: Scored
  readonly second: Scored
}

/** `models diff`. */
export const diffCommand = () =>
  verb('diff', 'score a file with two versions and show where they differ')
    .argument('<first>', 'sentiment@1, or 1 of the model that is set')
    .argument('<second>', 'sentiment@2, or 2')
    .requiredOption('--on <file>', 'posts: JSON Lines of text, perhaps with label; .gz is unpacked')
    .option('--examples <n>', 'posts to show of those that the two call differently', whole(0), 10)
    .option('--workers <threads>', 'inference threads (DRIFTLINE_WORKERS)')
    .action(
      runs<DiffFlags>(async (context, { on, examples }, [one = '', two = '']) => {
        if (context.loaded.origins.logLevel === 'default') context.log.level = 'warn'
        const rows = await readRows(on)
        const texts = rows.map(({ text }) => text)
        const models = [await openProved(context, one), await openProved(context, two)] as const
        const [first, second] = [await score(context, models[0], texts), await score(context, models[1], texts)]
        const result = compare(rows, first, second, examples)
        process.stdout.write(context.json ? `${JSON.stringify(result, null, 2)}\n` : describe(one, two, result))
        return 0
      }),
    )

/** A kilobyte can unpack to a megabyte, a gigabyte to all memory. */
const mostBytes = 2 ** 29

/** @throws DriftlineError `SOURCE_UNAVAILABLE` for a file that cannot be read, `USAGE` for one that does not hold posts */
async function readRows(path: string): Promise<Row[]> {
  const rows = (await readText(path)).split('\n').flatMap((row, index) => {
    if (row.trim() === '') return []
    try {
      return [Row.parse(JSON.parse(row))]
    } catch (error) {
      const why = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : messageOf(error)
      throw new DriftlineError('USAGE', { reason: `line ${index + 1} is not a post: ${why}`, path }, { cause: error })
    }
  })
  if (rows.length === 0) throw new DriftlineError('USAGE', { reason: 'there is no post in the file', path })
  return rows
}

async function readText(path: string): Promise<string> {
  try {
    const bytes = await readFile(path)
    return (path.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: mostBytes }) : bytes).toString('utf8')
  } catch (error) {
    throw new DriftlineError('SOURCE_UNAVAILABLE', { reason: messageOf(error), path }, { cause: error })
  }
}

async function openProved(context: Context, version: string): Promise<ModelDirectory> {
  const ref = versionRef(version, context.config)
  const directory = await (await openRegistry(context.config, context.signal)).open(ref.name, ref.version)
  await provingWith(context)(directory)
  return directory
}

async function score(
  { config, log, signal }: Context,
  directory: ModelDirectory,
  texts: readonly string[],
): Promise<readonly (Scored | DriftlineError)[]> {
  const { device, variant, workers, batchTokens } = config
  const scorer = await createScorer({ directory, device, variant, workers, batchTokens, log, signal })
  try {
    return await scorer.score(texts)
  } finally {
    await scorer[Symbol.asyncDispose]()
  }
}

function compare(
  rows: readonly Row[],
  first: readonly (Scored | DriftlineError)[],
  second: readonly (Scored | DriftlineError)[],
  examples: number,
) {
  const pairs = rows.flatMap(({ text, label }, index) => {
    const [one, two] = [first[index], second[index]]
    if (one === undefined || two === undefined) throw new Error('a score went missing')
    const scored = !(one instanceof DriftlineError || two instanceof DriftlineError)
    return scored ? [{ text, label: label ?? undefined, first: one, second: two }] : []
  })
  const flips = pairs.filter((pair) => pair.first.label !== pair.second.label)
  const byClass = new Map<string, number>()
  for (const { first: one, second: two } of flips) {
    const key = `${one.label} → ${two.label}`
    byClass.set(key, (byClass.get(key) ?? 0) + 1)
  }
  const labelled = pairs.filter(({ label }) => label !== undefined)
  const right = (of: 'first' | 'second') => labelled.map((pair) => pair[of].label === pair.label)
  const share = (answers: readonly boolean[]) => answers.filter(Boolean).length / answers.length
  const surest = (flip: Flip) => Math.min(flip.first.confidence, flip.second.confidence)
  return {
    rows: pairs.length,
    unscored: rows.length - pairs.length,
    agreement: pairs.length === 0 ? 1 : 1 - flips.length / pairs.length,
    flips: Object.fromEntries([...byClass].sort(([, a], [, b]) => b - a)),
    labelled:
      labelled.length === 0
        ? undefined
        : {
            rows: labelled.length,
            accuracy: { first: share(right('first')), second: share(right('second')) },
            ...mcnemar(right('first'), right('second')),
          },
    examples: flips
      .sort((a, b) => surest(b) - surest(a))
      .slice(0, examples)
      .map(({ text, label, first: one, second: two }) => ({
        text,
        label,
        first: { label: one.label, confidence: one.confidence },
        second: { label: two.label, confidence: two.confidence },
      })),
  }
}

function describe(one: string, two: string, result: ReturnType<typeof compare>): string {
  const percent = (value: number) => `${(value * 100).toFixed(1)} %`
  const { rows, unscored, agreement, flips, labelled, examples } = result
  const lines = [
    `${one} and ${two} agree on ${percent(agreement)} of ${rows} posts${unscored > 0 ? `; ${unscored} could not be scored by both` : ''}`,
    ...Object.entries(flips).map(([flip, count]) => `  ${flip}: ${count}`),
  ]
  if (labelled !== undefined) {
    const { accuracy, onlyFirst, onlySecond, midP } = labelled
    lines.push(
      `right on ${labelled.rows} labelled posts: ${percent(accuracy.first)} and ${percent(accuracy.second)}`,
      `  only ${one} is right ${onlyFirst} times, only ${two} ${onlySecond} times; so uneven a split by chance: p = ${midP.toPrecision(3)} (McNemar, mid-p)`,
    )
  }
  if (examples.length > 0) lines.push('both sure, and of different opinion:')
  for (const { text, label, first, second } of examples) {
    const said = ({ label: name, confidence }: typeof first) => `${name} ${percent(confidence)}`
    lines.push(
      `  ${said(first)} → ${said(second)}${label === undefined ? '' : ` (is ${label})`}: ${text.replace(/\s+/g, ' ')}`,
    )
  }
  return `${lines.join('\n')}\n`
}
