import type { Scorer } from '../../../inference/scorer.ts'

export interface FakeScorer extends Scorer {
  readonly released: boolean
}

/** A scorer without a model, which answers after a turn of the event loop, and fails once it is released. */
export function fakeScorer(version: number, name = 'tiny'): FakeScorer {
  let released = false
  let workers = 1
  return {
    name,
    version,
    labels: ['no', 'yes'],
    provider: 'cpu',
    variant: 'fp32',
    get workers() {
      return workers
    },
    async grow(most) {
      workers = Math.max(workers, most)
    },
    toForeground: () => true,
    get released() {
      return released
    },
    async score(texts) {
      await new Promise(setImmediate)
      if (released) throw new Error(`version ${version} was asked after it was released`)
      const scored = { label: 'yes', confidence: 0.75, probabilities: [0.25, 0.75], margin: 0.5 }
      return texts.map(() => ({ ...scored, tokens: 1, unknownTokens: 0, inferenceUs: 1 }))
    },
    async [Symbol.asyncDispose]() {
      released = true
    },
  }
}
