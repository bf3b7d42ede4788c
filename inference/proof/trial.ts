import { messageOf } from '../../core/errors.ts'
import type { ModelDirectory } from '../../models/model-directory.ts'
import type { Golden } from '../../models/proof/golden.ts'
import { longProbe, shortProbes } from '../../models/proof/probes.ts'
import { refuse } from '../../models/proof/refuse.ts'
import { normalisers } from '../../text/normalisers.ts'
import type { Tokenizer } from '../../text/tokenizer.ts'
import { type ChunkOptions, type Columns, scoreChunk } from '../score-chunk.ts'
import type { Session } from '../session.ts'
import type { ProofFindings } from './protocol.ts'

export const sampledIds = 64
/** Of the ids: a few that the embedding lacks cost only the posts they occur in, many are another model's vocabulary. */
const mostRefusedIds = 0.1

/** One graph of a model, scoring. */
export class Trial {
  readonly #file: string
  readonly #options: ChunkOptions
  readonly #probes: readonly string[]
  #first: Columns | undefined

  constructor({ manifest, labels }: ModelDirectory, tokenizer: Tokenizer, file: string, session: Session) {
    this.#file = file
    const { maxTokens, normaliser } = manifest.text
    this.#probes = [...shortProbes, longProbe(maxTokens)]
    this.#options = {
      normalise: normalisers[normaliser],
      tokenizer,
      maxTokens,
      classes: labels.length,
      batchTokens: Math.max(512, maxTokens),
      run: session.run,
      nowUs: () => performance.now() * 1000,
      stopped: () => false,
    }
  }

  /** A run that fails is cut in halves until each text stands alone, which hides a model that takes no two at a time. */
  async #together(): Promise<void> {
    const { tokenizer, maxTokens, classes, normalise, run } = this.#options
    const rows = this.#probes.slice(0, 4).map((text) => tokenizer.encode(normalise(text), maxTokens).ids)
    try {
      const { length } = await run(rows)
      if (length !== rows.length * classes) throw new Error(`it gave ${length} logits for ${rows.length} texts`)
    } catch (error) {
      const reason = `it does not score texts of different lengths together: ${messageOf(error)}`
      refuse('MODEL_INVALID', this.#file, reason, error)
    }
  }

  async texts(): Promise<void> {
    this.#first = await this.#score(this.#probes)
    for (const { index, reason } of this.#first.failures) {
      const said =
        index < shortProbes.length
          ? 'it cannot score a short text'
          : `it scores a short text, but not one of ${this.#options.maxTokens} tokens; lower --max-tokens`
      refuse('MODEL_INVALID', this.#file, `${said}: ${reason}`)
    }
    await this.#together()
  }

  /** @returns how many of some ids, spread over the vocabulary, the graph does not take */
  async ids(): Promise<number> {
    const { vocabularySize } = this.#options.tokenizer
    const ids = Array.from({ length: sampledIds }, (_, at) =>
      Math.floor((at * Math.max(0, vocabularySize - 1)) / (sampledIds - 1)),
    )
    const encode = (text: string) => ({ ids: [Number(text)], unknown: 0, truncated: false })
    const tokenizer: Tokenizer = { ...this.#options.tokenizer, encode }
    const { failures } = await this.#score(ids.map(String), { normalise: (text) => text, tokenizer })
    const [first] = failures
    if (first !== undefined && failures.length > mostRefusedIds * sampledIds) {
      const reason = `it fails on ${failures.length} of ${sampledIds} ids of the tokenizer's vocabulary: ${first.reason}`
      refuse('MODEL_INVALID', this.#file, reason)
    }
    return failures.length
  }

  /** @throws DriftlineError `MODEL_UNSAFE` when the same texts have other scores */
  async again(): Promise<void> {
    const { probabilities } = await this.#score(shortProbes) // first in the probes, and in the same run as then
    const worst = probabilities.reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (this.#first?.probabilities[at] ?? Number.NaN))),
      0,
    )
    if (!(worst <= 1e-6)) {
      const reason = `the same texts have other scores the second time, by up to ${worst.toPrecision(2)}`
      refuse('MODEL_UNSAFE', this.#file, reason)
    }
  }

  /** Milliseconds a post, the least of some runs. */
  async speed(mostMs: number): Promise<ProofFindings['msPerPost']> {
    const time = async (texts: readonly string[]): Promise<number> => {
      let least = Number.POSITIVE_INFINITY
      for (let round = 0; round < 3; round++) {
        const startedMs = performance.now()
        await this.#score(texts)
        least = Math.min(least, (performance.now() - startedMs) / texts.length)
        if (performance.now() - startedMs > 1000) break // measured well enough
      }
      return least
    }
    const [short, longest] = [await time(shortProbes), await time(this.#probes.slice(-1))]
    if (short > mostMs) {
      const reason = `it takes ${short.toFixed(0)} ms for a short post on one thread, more than ${mostMs}`
      refuse('MODEL_TOO_COSTLY', this.#file, reason)
    }
    return { short, longest }
  }

  /** Probabilities of texts; `undefined` for one that it cannot score. */
  async answers(texts: readonly string[]): Promise<(readonly number[] | undefined)[]> {
    const { classes } = this.#options
    const { probabilities, failures } = await this.#score(texts)
    const failed = new Set(failures.map(({ index }) => index))
    return texts.map((_, at) =>
      failed.has(at) ? undefined : [...probabilities.subarray(at * classes, (at + 1) * classes)],
    )
  }

  async golden(): Promise<Golden> {
    const answers = await this.answers(shortProbes)
    return { schema: 1, cases: shortProbes.map((text, at) => ({ text, probabilities: [...(answers[at] ?? [])] })) }
  }

  async #score(texts: readonly string[], change: Partial<ChunkOptions> = {}): Promise<Columns> {
    const columns = await scoreChunk(texts, { ...this.#options, ...change })
    if (columns === undefined) throw new Error('nobody stops a trial')
    return columns
  }
}
