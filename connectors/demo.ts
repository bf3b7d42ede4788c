import { type Clock, systemClock } from '../core/clock.ts'
import { seededRandom } from '../core/random.ts'
import type { Source } from '../dataflow/source.ts'
import { compose } from './demo/compose.ts'
import type { RawRecord } from './raw-record.ts'

export const driftKinds = ['vocabulary', 'mix', 'meaning'] as const
export type DriftKind = (typeof driftKinds)[number]

export interface DemoDrift {
  readonly kinds: readonly DriftKind[]
  /** The first post that it touches, counted from 0. At a rate of 200 a second, post 12,000 comes after a minute. */
  readonly atPost: number
  /** Posts that it takes to become complete; 0: all at once. */
  readonly overPosts: number
}

export interface DemoOptions {
  readonly seed: number
  /** Posts per second. */
  readonly rate: number
  /** The stream ends after so many posts; absent: never. */
  readonly limit?: number
  readonly drift?: DemoDrift
  readonly clock?: Clock
}

/** Behind its rate by more than this, in milliseconds (asleep, or held up by what follows), the stream does not catch up. */
const catchUpMs = 1000
const longestWaitMs = 50

/**
 * A stream of believable posts with true labels, for a first look, demonstrations of drift and tests. Post n depends on the
 * seed, n and the drift alone (only its time is that of the clock), so a stream resumes at any post.
 */
export function demoSource(options: DemoOptions): Source<RawRecord, number> {
  const { rate, limit = Number.POSITIVE_INFINITY, clock = systemClock } = options
  return {
    name: 'demo',
    async *assignments() {
      yield ['0']
    },
    async open(_, from = 0) {
      let next = from
      /** Post `next` is due at this time. */
      let dueMs = clock.now()
      return {
        async next(max) {
          if (next >= limit) return undefined
          const lateMs = clock.now() - dueMs
          if (lateMs > catchUpMs) dueMs = clock.now() - catchUpMs
          if (lateMs < 0) await clock.sleep(Math.min(-lateMs, longestWaitMs))
          const nowMs = clock.now()
          const due = nowMs < dueMs ? 0 : Math.floor(((nowMs - dueMs) * rate) / 1000) + 1
          const count = Math.min(due, max, limit - next)
          const records = Array.from({ length: count }, (_, index) => demoRecord(next + index, options, nowMs))
          next += count
          dueMs += (count * 1000) / rate
          return records
        },
        position: () => next,
        [Symbol.asyncDispose]: async () => {},
      }
    },
  }
}

/** Post `n` of the stream. */
export function demoRecord(n: number, { seed, drift }: DemoOptions, nowMs: number): RawRecord {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(n, 0x85ebca6b))
  random() // neighbouring seeds begin alike
  const level = drift === undefined ? 0 : levelAt(n, drift)
  const levelOf = (kind: DriftKind) => (drift?.kinds.includes(kind) ? level : 0)
  const levels = { vocabulary: levelOf('vocabulary'), mix: levelOf('mix'), meaning: levelOf('meaning') }
  const { text, label, lang, topic, source, author } = compose(random, levels)
  const value = { id: `demo-${seed}-${n}`, text, createdAt: nowMs, source, lang, author, label, meta: { topic } }
  return { kind: 'record', value, origin: `demo post ${n}` }
}

function levelAt(n: number, { atPost, overPosts }: DemoDrift): number {
  if (n < atPost) return 0
  return overPosts === 0 ? 1 : Math.min(1, (n - atPost) / overPosts)
}
