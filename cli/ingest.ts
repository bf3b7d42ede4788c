import { DriftlineError } from '../core/errors.ts'
import { IngestOptions, type Input } from '../jobs/ingest/config.ts'
import { ingest } from '../jobs/ingest/main.ts'
import type { Summary, Tally } from '../jobs/ingest/tally.ts'
import { runs, verb } from './command.ts'
import { lineWidth } from './line-width.ts'

const described = (key: keyof typeof IngestOptions.shape): string => IngestOptions.shape[key].description ?? ''

/** Posts from files, standard input or the demo stream into the event log. */
export const ingestCommand = () =>
  verb('ingest', 'read posts into the event log')
    .argument('<source>', 'file, stdin, demo, kafka or dead; or the path of a file')
    .argument('[paths...]', 'JSON Lines or CSV with a header, plain or .gz; for kafka: a topic')
    .option('--format <format>', described('format'))
    .option('--source <name>', described('source'))
    .option('--topic <name>', 'topic to append to (DRIFTLINE_TOPIC)')
    .option('--map <fields>', described('map'))
    .option('--brokers <list>', described('brokers'))
    .option('--until-end', described('untilEnd'))
    .option('--rate <n>', described('rate'))
    .option('--limit <n>', described('limit'))
    .option('--seed <n>', described('seed'))
    .option('--drift <kinds>', described('drift'))
    .option('--drift-at <seconds>', described('driftAt'))
    .option('--drift-over <seconds>', described('driftOver'))
    .action(
      runs(async ({ config, log, json, signal }, options, args) => {
        const parsed = IngestOptions.safeParse(options)
        if (!parsed.success) {
          const reason = parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`).join('; ')
          throw new DriftlineError('USAGE', { reason })
        }
        const progress = process.stderr.isTTY ? { onProgress: progressLine } : {}
        const inputs = inputsOf(args)
        const summary = await ingest(inputs, parsed.data, { config, log, signal, ...progress })
        if (process.stderr.isTTY) process.stderr.write('\r\u001b[K')
        process.stdout.write(json ? `${JSON.stringify(summary)}\n` : told(summary, inputs))
        return summary.outcome === 'stopped' ? 130 : 0
      }),
    )

function inputsOf([source = '', ...paths]: readonly string[]): readonly Input[] {
  if (source === 'kafka') {
    const [topic] = paths
    if (topic === undefined || paths.length > 1) throw new DriftlineError('USAGE', { reason: 'kafka takes one topic' })
    return [{ kind: 'kafka', topic }]
  }
  if (source === 'demo' || source === 'stdin' || source === 'dead') {
    if (paths.length > 0) throw new DriftlineError('USAGE', { reason: `${source} takes no paths` })
    return [{ kind: source }]
  }
  const files = source === 'file' ? paths : [source, ...paths]
  if (files.length === 0) throw new DriftlineError('USAGE', { reason: 'name at least one file' })
  return files.map((path) => ({ kind: 'file', path }))
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US')

function progressLine({ input, read, dead, seconds }: Tally): void {
  const rate = seconds > 0 ? read / seconds : 0
  const line = `${input}: ${whole(read)} read, ${whole(rate)}/s, ${whole(dead)} dead`
  process.stderr.write(`\r\u001b[K${line.slice(-lineWidth())}`)
}

function told(summary: Summary, inputs: readonly Input[]): string {
  const { outcome, read, accepted, dead, reasons, blankLines, seconds } = summary
  const resumes = inputs.every(({ kind }) => kind !== 'stdin')
  const lines = [
    `${whole(read)} read, ${whole(accepted)} accepted, ${whole(dead)} dead in ${seconds.toFixed(1)} s` +
      ` (${whole(read / Math.max(seconds, 0.001))}/s)`,
    ...reasons.map(({ reason, count }) => `${whole(count).padStart(12)}  ${reason}`),
    ...(blankLines > 0 ? [`${whole(blankLines)} blank lines were skipped`] : []),
    ...(outcome === 'stopped'
      ? [`Stopped before the end.${resumes ? ' The same command goes on from here.' : ''}`]
      : []),
  ]
  return `${lines.join('\n')}\n`
}
