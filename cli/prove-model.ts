import { DriftlineError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { createScorer } from '../inference/create-scorer.ts'
import type { Device } from '../inference/provider.ts'
import type { ModelDirectory } from '../models/model-directory.ts'

export interface ProofOptions {
  readonly device: Device
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Scores a short text and one as long as the manifest allows, in a scorer like the one of the score job.
 *
 * @throws DriftlineError `MODEL_INVALID` when the model cannot score one of them, e.g. for logits that are no numbers
 */
export async function proveModel(directory: ModelDirectory, options: ProofOptions): Promise<void> {
  const { maxTokens } = directory.manifest.text
  const scorer = await createScorer({ ...options, directory, workers: 1, batchTokens: maxTokens })
  try {
    // Different words, each of at least one token.
    const longest = Array.from({ length: maxTokens }, (_, index) => `word${index}`).join(' ')
    const [short, long] = await scorer.score(['a short text to try the model on', longest])
    if (short instanceof DriftlineError) {
      throw new DriftlineError('MODEL_INVALID', { ...short.details, file: 'model.onnx' }, { cause: short })
    }
    if (long instanceof DriftlineError) {
      const reason = `it scores a short text, but not one of ${maxTokens} tokens; lower --max-tokens`
      throw new DriftlineError(
        'MODEL_INVALID',
        { reason, file: 'model.onnx', failure: long.details.reason },
        { cause: long },
      )
    }
  } finally {
    await scorer[Symbol.asyncDispose]()
  }
}
