import type { StatusFile } from '../../../core/status.ts'
import type { LiveData, NewestPost, Part, Snapshot } from '../../protocol.ts'
import type { LiveFeed } from '../feed.ts'

/** A feed that says what a test tells it to, and counts how often it is asked. */
export interface ScriptedFeed extends LiveFeed {
  /** What the next `snapshot` gives; an error is thrown instead. */
  next: Snapshot | Error
  nextParts: readonly Part[] | Error
  nextJobs: readonly StatusFile[]
  asked: number
}

export function scriptedFeed(first: Snapshot | Error = sampleSnapshot()): ScriptedFeed {
  return {
    next: first,
    nextParts: allWorking,
    nextJobs: [],
    asked: 0,
    async snapshot() {
      this.asked++
      if (this.next instanceof Error) throw this.next
      return this.next
    },
    async parts() {
      if (this.nextParts instanceof Error) throw this.nextParts
      return this.nextParts
    },
    async jobs() {
      return this.nextJobs
    },
  }
}

export const allWorking: readonly Part[] = [
  { name: 'store', state: 'ok', detail: '' },
  { name: 'log', state: 'ok', detail: '' },
  { name: 'ingest', state: 'ok', detail: 'demo' },
  { name: 'score', state: 'ok', detail: 'social-bag v1 on cpu' },
]

/** A plausible state of a running system; the curves are drawn by sines, so that two runs look the same. */
export function sampleSnapshot(atMs = Date.UTC(2026, 0, 2, 3, 4, 5), over: Partial<LiveData> = {}): Snapshot {
  const end = Math.floor(atMs / 1000)
  const values = Array.from({ length: 300 }, (_, n) => 210 + Math.round(40 * Math.sin(n / 23) + 15 * Math.sin(n / 3)))
  const shares = [0.24, 0.45, 0.31]
  return {
    atMs,
    parts: [...allWorking],
    model: { name: 'social-bag', version: 1, provider: 'cpu', workers: 3 },
    log: {
      topic: 'posts',
      partitions: Array.from({ length: 4 }, (_, partition) => ({
        partition,
        position: 31_000 + partition,
        end: 31_000 + partition * 14,
        lag: partition * 13,
        lagSeconds: partition * 0.11,
        state: 'ok' as const,
        detail: '',
      })),
    },
    live: {
      asOfMs: atMs,
      labels: ['negative', 'neutral', 'positive'],
      rate: { now: 214.4, startMs: (end - 300) * 1000, stepMs: 1000, values },
      classes: {
        windowSeconds: 60,
        shares,
        startMs: (end - 300) * 1000,
        stepMs: 5000,
        counts: shares.map((share, row) =>
          Array.from({ length: 60 }, (_, n) => Math.round(1000 * share + 60 * Math.sin(n / 7 + row * 2))),
        ),
      },
      hashtags: {
        minutes: 10,
        top: ['coffee', 'rain', 'weekend', 'football', 'newphone', 'travel', 'ai', 'garden', 'music', 'politics'].map(
          (tag, n) => {
            const posts = 900 - n * 75
            const negative = Math.round((posts * ((n * 37) % 60)) / 100)
            const neutral = Math.round((posts - negative) / 2)
            return { tag, posts, counts: [negative, neutral, posts - negative - neutral] }
          },
        ),
      },
      newest: Array.from({ length: 50 }, (_, n) => samplePost(n, atMs)),
      totals: { scored: 1_248_302, dead: 17 },
      ...over,
    },
  }
}

const sampleTexts = [
  'The new espresso place round the corner is worth the queue ☕️ #coffee',
  'Train cancelled again. Third time this week, and nobody says why. #commute',
  'Release notes for 4.2 are out: smaller bundles, two fixes, one new flag.',
  'Sunrise over the allotment, first tomatoes of the year 🍅🌞 #garden #weekend',
] as const

export function samplePost(
  n: number,
  atMs: number,
  text: string = sampleTexts[n % sampleTexts.length] ?? '',
): NewestPost {
  return {
    key: `topic/${n % 4}/${Math.floor(atMs / 1000) * 50 - n}`,
    id: `post-${n}`,
    text,
    cut: false,
    label: ['positive', 'negative', 'neutral'][n % 3] ?? 'neutral',
    confidence: 0.5 + ((n * 29) % 50) / 100,
    source: ['demo', 'bluesky', 'file'][n % 3] ?? 'demo',
    scoredAtMs: atMs - 300 - n * 5,
  }
}
