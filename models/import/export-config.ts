import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'

/** What is read of config.json and tokenizer_config.json; everything else is kept as it is. */
export const ExportConfig = z.looseObject({
  id2label: z.record(z.string(), z.string()).nullish(),
  problem_type: z.string().nullish(),
  model_type: z.string().nullish(),
  max_position_embeddings: z.int().nullish(),
  pad_token_id: z.int().nullish(),
})
export type ExportConfig = z.infer<typeof ExportConfig>

export const ExportTokenizerConfig = z.looseObject({
  /** Python writes 10³⁰ where there is no limit. */
  model_max_length: z.number().nullish(),
})
export type ExportTokenizerConfig = z.infer<typeof ExportTokenizerConfig>

/**
 * The config of the model directory: the export's, with the classes renamed where names are given.
 *
 * @param labels names in the order of the logits, instead of the export's
 * @param classes what the graph says, if it does
 * @throws DriftlineError `MODEL_INVALID`
 */
export function withLabels(
  config: ExportConfig,
  labels: readonly string[] | undefined,
  classes: number | undefined,
): ExportConfig {
  const refuse = (reason: string): never => {
    throw new DriftlineError('MODEL_INVALID', { reason, file: 'config.json' })
  }
  // Scores are the softmax of the logits: classes exclude one another.
  const { problem_type: problem } = config
  if (problem !== undefined && problem !== null && problem !== 'single_label_classification') {
    refuse(`its problem_type is ${problem}; only classifiers with one class per text are supported`)
  }
  const { id2label } = config
  const named = labels?.length ?? Object.keys(id2label ?? {}).length
  if (named === 0) refuse('it has no id2label; name the classes with --labels, in the order of the logits')
  if (classes !== undefined && named !== classes) {
    const source = labels === undefined ? 'id2label' : '--labels'
    refuse(`${source} names ${named} classes and the graph has ${classes}; name them all with --labels`)
  }
  if (labels === undefined) return config
  return {
    ...config,
    id2label: Object.fromEntries(labels.map((label, id) => [String(id), label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
  }
}

/** RoBERTa and its kin count positions from the padding id on, so that the first ones are never used. */
const positionsAfterPadding: readonly string[] = [
  'camembert',
  'ibert',
  'longformer',
  'mpnet',
  'roberta',
  'roberta-prelayernorm',
  'xlm-roberta',
  'xlm-roberta-xl',
]

/** Where the model itself allows more: posts are short, and the cost of a text grows faster than its length. */
const usualMaxTokens = 512

/** The longest input in tokens, 1 to 512: what tokenizer and position table allow, as far as they say. */
export function maxTokensOf(config: ExportConfig, tokenizerConfig: ExportTokenizerConfig): number {
  const positions = config.max_position_embeddings
  const unused = positionsAfterPadding.includes(config.model_type ?? '') ? (config.pad_token_id ?? 1) + 1 : 0
  const limits = [tokenizerConfig.model_max_length, typeof positions === 'number' ? positions - unused : undefined]
  const stated = limits.filter((limit) => typeof limit === 'number').filter((limit) => limit >= 1)
  return Math.floor(Math.min(usualMaxTokens, ...stated))
}
