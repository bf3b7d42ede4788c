import { createInterface } from 'node:readline'
import { DriftlineError } from '../core/errors.ts'
import { createScorer } from '../inference/create-scorer.ts'
import type { Scored, Scorer } from '../inference/scorer.ts'
import { loadModel } from '../models/load-model.ts'
import { variantFiles } from '../models/variants.ts'
import { runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'

/** Scores one text, or each line of stdin. */
export const predictCommand = () =>
  verb('predict', 'score one text, or each line of stdin')
    .argument('<text...>', 'the text, or - for stdin')
    .option('--model <model>', 'name in the registry, name@version, `bundled` or a model directory (DRIFTLINE_MODEL)')
    .option('--device <device>', 'auto, cpu, cuda or webgpu (DRIFTLINE_DEVICE)')
    .option('--variant <variant>', 'auto, fp32, int8 or fp16 (DRIFTLINE_VARIANT)')
    .option('--workers <threads>', 'threads for stdin; 0: one less than the cores (DRIFTLINE_WORKERS)')
    .option('--batch-tokens <tokens>', 'most tokens in one run of the model (DRIFTLINE_BATCH_TOKENS)')
    .addHelpText(
      'after',
      `
Examples:
  $ driftline predict "best flight ever, thank you"
  $ driftline predict --json - < posts.txt | jq .label

With --json, each text becomes one line: text, label, confidence, probabilities by label, margin, tokens, unknownTokens;
or text, error and code where the model cannot score it. Blank lines of stdin are skipped. The exit code is 1 when a
text could not be scored.`,
    )
    .action(
      runs(async ({ config, loaded, log, json, signal }, _, args) => {
        if (loaded.origins.logLevel === 'default') log.level = 'warn'
        const fromStdin = args.length === 1 && args[0] === '-'
        const directory = await loadModel(config.model, config, { signal })
        await provingWith({ config, log, signal })(directory)
        const scorer = await createScorer({
          directory,
          device: config.device,
          variant: config.variant,
          workers: fromStdin ? config.workers : 1,
          batchTokens: config.batchTokens,
          log,
          signal,
        })
        try {
          if (fromStdin) return await predictLines(scorer, json ? toJson : toLine, signal)
          const text = args.join(' ')
          const [result] = await scorer.score([text])
          if (result === undefined) throw new Error('a score went missing')
          if (result instanceof DriftlineError) throw result
          await write(json ? toJson(text, result, scorer) : toBlock(result, scorer))
          return 0
        } finally {
          await scorer[Symbol.asyncDispose]()
        }
      }),
    )

type Format = (text: string, result: Scored | DriftlineError, scorer: Scorer) => string

/** Lines of one call; large enough to fill every thread, small enough that output starts at once. */
const linesAtOnce = 1024

/** Scores a call while the next is read: output keeps the order of the lines, and memory does not grow with them. */
async function predictLines(scorer: Scorer, format: Format, signal: AbortSignal): Promise<number> {
  let failed = 0
  const print = async (texts: readonly string[], scoring: Promise<readonly (Scored | DriftlineError)[]>) => {
    const results = await scoring
    let output = ''
    for (const [index, text] of texts.entries()) {
      const result = results[index]
      if (result === undefined) throw new Error('a score went missing')
      if (result instanceof DriftlineError) failed++
      output += format(text, result, scorer)
    }
    await write(output)
  }
  let printing: Promise<void> = Promise.resolve()
  for await (const texts of linesOfStdin(signal)) {
    const scoring = scorer.score(texts)
    scoring.catch(() => undefined) // seen below, once the call before it is printed
    await printing
    printing = print(texts, scoring)
    printing.catch(() => undefined) // seen by the next await
  }
  await printing
  return failed > 0 ? 1 : 0
}

/** Groups of lines: as many as came at once, at most `linesAtOnce`, so that a slow writer sees each answer directly. */
async function* linesOfStdin(signal: AbortSignal): AsyncGenerator<readonly string[]> {
  let waiting: string[] = []
  let ended = false
  let wake = (): void => undefined
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  lines.on('line', (line) => {
    if (line.trim() === '') return
    waiting.push(line)
    if (waiting.length >= linesAtOnce * 2) lines.pause()
    wake()
  })
  lines.on('close', () => {
    ended = true
    wake()
  })
  const stop = () => lines.close()
  signal.addEventListener('abort', stop, { once: true })
  try {
    while (!ended || waiting.length > 0) {
      signal.throwIfAborted()
      if (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      const group = waiting.slice(0, linesAtOnce)
      waiting = waiting.slice(linesAtOnce)
      if (!ended && waiting.length < linesAtOnce) lines.resume()
      yield group
    }
    signal.throwIfAborted()
  } finally {
    signal.removeEventListener('abort', stop)
    lines.close()
  }
}

/** Resolves once stdout has taken it, so that a slow reader slows the scoring. */
const write = (text: string): Promise<void> =>
  new Promise((resolve, reject) => process.stdout.write(text, (error) => (error ? reject(error) : resolve())))

const toJson: Format = (text, result, { labels }) => {
  if (result instanceof DriftlineError) {
    return `${JSON.stringify({ text, error: result.message, code: result.code })}\n`
  }
  const { label, confidence, probabilities, margin, tokens, unknownTokens } = result
  const byLabel = Object.fromEntries(labels.map((name, index) => [name, probabilities[index]]))
  return `${JSON.stringify({ text, label, confidence, probabilities: byLabel, margin, tokens, unknownTokens })}\n`
}

const toLine: Format = (text, result, { labels }) => {
  const width = Math.max(...labels.map(({ length }) => length))
  if (result instanceof DriftlineError) return `${'not scored'.padEnd(width + 17)}  ${text}  (${result.message})\n`
  return `${result.label.padEnd(width)} ${percent(result.confidence)} ${bar(result.confidence, 10)}  ${text}\n`
}

/** Every class with its share, the likeliest first. */
const toBlock = ({ probabilities }: Scored, { labels, name, version, variant, provider }: Scorer): string => {
  const width = Math.max(...labels.map(({ length }) => length))
  const rows = labels
    .map((label, index) => ({ label, probability: probabilities[index] ?? 0 }))
    .sort((a, b) => b.probability - a.probability)
    .map(({ label, probability }) => `${label.padEnd(width)} ${percent(probability)} ${bar(probability, 40)}\n`)
  return `${rows.join('')}(${name} version ${version}, ${variantFiles[variant]} on ${provider})\n`
}

const percent = (share: number): string => `${(share * 100).toFixed(0).padStart(3)} %`

const bar = (share: number, width: number): string => {
  const full = Math.round(share * width)
  return '█'.repeat(full) + '·'.repeat(width - full)
}
