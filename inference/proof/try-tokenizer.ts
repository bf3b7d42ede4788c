import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { ModelDirectory } from '../../models/model-directory.ts'
import { idsIn } from '../../models/proof/ids.ts'
import { nestsRepetition, patternsOf, signsIn } from '../../models/proof/patterns.ts'
import { costlyProbes } from '../../models/proof/probes.ts'
import { refuse } from '../../models/proof/refuse.ts'
import { normalisers } from '../../text/normalisers.ts'
import { createTokenizer, type Tokenizer } from '../../text/tokenizer.ts'

const mostIds = 4_000_000

/**
 * Looks at the patterns and ids of a tokenizer before it is made, then times it on texts that are hard on patterns.
 *
 * @param encodeMs the longest that one text may take
 * @throws DriftlineError `MODEL_UNSAFE`, `MODEL_INVALID`, `MODEL_TOO_COSTLY`
 */
export function tryTokenizer(directory: ModelDirectory, encodeMs: number): Tokenizer {
  const file = 'tokenizer.json'
  const signs: string[] = []
  for (const pattern of patternsOf(directory.tokenizer)) {
    if (nestsRepetition(pattern)) {
      refuse('MODEL_UNSAFE', file, `its pattern ${pattern} repeats a repetition, and takes for ever on some texts`)
    }
    signs.push(...signsIn(pattern))
  }
  for (const id of idsIn(directory.tokenizer)) {
    if (!(typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < mostIds)) {
      refuse('MODEL_INVALID', file, `it has the id ${String(id)}, which is no whole number from 0 to ${mostIds}`)
    }
  }
  const tokenizer = buildTokenizer(directory)
  const { normaliser, maxTokens } = directory.manifest.text
  for (const probe of costlyProbes(signs)) {
    const ms = leastOfTwo(() => tokenizer.encode(normalisers[normaliser](probe), maxTokens), encodeMs)
    if (ms > encodeMs) {
      const shown = JSON.stringify(probe.slice(0, 4))
      const reason = `its tokenizer takes ${ms.toFixed(0)} ms for a text of ${probe.length} signs (${shown}…), more than ${encodeMs}`
      refuse('MODEL_TOO_COSTLY', file, reason)
    }
  }
  return tokenizer
}

/** Whatever the library throws about a file of unknown origin, the file is to blame. */
function buildTokenizer({ tokenizer, tokenizerConfig }: ModelDirectory): Tokenizer {
  try {
    return createTokenizer(tokenizer, tokenizerConfig)
  } catch (error) {
    if (error instanceof DriftlineError) throw error
    return refuse('MODEL_INVALID', 'tokenizer.json', messageOf(error), error)
  }
}

/** Milliseconds, from two tries when the first is over the limit: a busy machine is not the model's fault. */
function leastOfTwo(act: () => unknown, limitMs: number): number {
  const once = (): number => {
    const startedMs = performance.now()
    try {
      act()
    } catch (error) {
      refuse('MODEL_INVALID', 'tokenizer.json', `it fails on a text: ${messageOf(error)}`, error)
    }
    return performance.now() - startedMs
  }
  const first = once()
  return first <= limitMs ? first : Math.min(first, once())
}
