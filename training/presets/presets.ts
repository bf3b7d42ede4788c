import type { Random } from '../../core/random.ts'
import type { Model } from '../onnx/model.ts'
import { bag } from './bag.ts'
import { convolution } from './convolution.ts'
import { transformer } from './transformer.ts'

export interface Preset {
  /** Entries of the tokenizer's vocabulary. */
  readonly vocabulary: number
  /** Longest input in tokens. */
  readonly maxTokens: number
  build(vocabulary: number, classes: number, random: Random): Model
}

/** Architectures of ours, from the fastest to the one that reads order best. */
export const presets = {
  // 10 MB. 16,000 pieces split few words, and a pair of whole words says more than a pair of halves.
  bag: {
    vocabulary: 16_000,
    maxTokens: 128,
    build: (vocabulary, classes, random) =>
      bag({ vocabulary, classes, width: 96, buckets: 32_768, pairWidth: 32, hidden: 64 }, random),
  },
  // 3.4 MB. Half the vocabulary of the bag was as good on held-out posts: the window of three joins what is split.
  convolution: {
    vocabulary: 8000,
    maxTokens: 128,
    build: (vocabulary, classes, random) =>
      convolution({ vocabulary, classes, width: 96, filters: 128, hidden: 64 }, random),
  },
  // 5.8 MB. 2 × 128, the size of the smallest published BERT.
  transformer: {
    vocabulary: 8000,
    maxTokens: 128,
    build: (vocabulary, classes, random) =>
      transformer({ vocabulary, classes, layers: 2, width: 128, heads: 2, feedForward: 512, positions: 128 }, random),
  },
} as const satisfies Record<string, Preset>

export type PresetName = keyof typeof presets
