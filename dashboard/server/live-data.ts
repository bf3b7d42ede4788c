import type { Hashtag, LiveData, NewestPost } from '../protocol.ts'
import type { LiveStore, MinuteTag, SecondCount, Totals } from './live-store.ts'

const historySeconds = 300
/** Width of a class-share step, in seconds: long enough that a few posts a second make a steady share. */
const classStepSeconds = 5
/** Seconds kept: the curves may begin a step and a settling second before the history shown. */
const keptSeconds = historySeconds + classStepSeconds + 1
const rateSeconds = 5
const shareSeconds = 60
const hashtagMinutes = 10
const hashtagCount = 10
const newestCount = 50
/** A row may appear this long after its `scored_at`: it was waiting in an insert that was tried again. */
const lateSeconds = 30
/** The last moment is left out of the curves: its rows are still under way, and it would show as a dip. */
const settleMs = 500
/** How often the slower-moving numbers are read again. */
const calmMs = 2_000

/**
 * What ClickHouse knows of the last minutes, kept from poll to poll so that each asks only for what may have changed:
 * the last half minute of seconds and posts, the last two minutes of hashtags. Memory is bounded by the history shown.
 */
export class LiveReader {
  readonly #store: LiveStore
  readonly #seconds = new Map<number, ReadonlyMap<string, number>>()
  readonly #minutes = new Map<number, readonly MinuteTag[]>()
  #newest: readonly NewestPost[] = []
  #totals: Totals = { scored: 0, dead: 0 }
  #readAtMs: number | undefined
  #calmAtMs: number | undefined

  constructor(store: LiveStore) {
    this.#store = store
  }

  /**
   * Reads what is new and draws the whole picture. When it throws, what was kept is untouched and the next read starts
   * from the last good one.
   *
   * @param modelLabels the model's classes in its order; others found in the rows follow by name
   */
  async read(nowMs: number, modelLabels: readonly string[]): Promise<LiveData> {
    const calmDue = this.#calmAtMs === undefined || nowMs - this.#calmAtMs >= calmMs
    const fromMs = this.#from(nowMs)
    const newestFromMs = await this.#newestFrom(fromMs)
    const [seconds, newest, minutes, totals] = await Promise.all([
      this.#store.seconds(fromMs),
      this.#store.newest(newestFromMs, newestCount),
      calmDue ? this.#store.hashtags(this.#hashtagsFrom(nowMs)) : undefined,
      calmDue ? this.#store.totals() : undefined,
    ])
    this.#keepSeconds(seconds, fromMs, nowMs)
    this.#keepNewest(newest)
    if (minutes !== undefined) this.#keepMinutes(minutes, this.#hashtagsFrom(nowMs), nowMs)
    if (totals !== undefined) {
      this.#totals = totals
      this.#calmAtMs = nowMs
    }
    this.#readAtMs = nowMs
    return this.#draw(nowMs, modelLabels)
  }

  #from(nowMs: number): number {
    const oldest = nowMs - keptSeconds * 1000
    const from = this.#readAtMs === undefined ? oldest : Math.max(oldest, this.#readAtMs - lateSeconds * 1000)
    return Math.floor(from / 1000) * 1000
  }

  /** At first, back to where there are posts, however long ago that is: a stream that stopped shows its last ones. */
  async #newestFrom(fromMs: number): Promise<number> {
    if (this.#readAtMs !== undefined) return fromMs
    return Math.max(0, Math.min(fromMs, (await this.#store.lastScoredMs()) - lateSeconds * 1000))
  }

  /** A minute is asked for until it is over and late rows are in. */
  #hashtagsFrom(nowMs: number): number {
    const minute = 60_000
    const oldest = nowMs - (hashtagMinutes - 1) * minute
    const from = this.#calmAtMs === undefined ? oldest : Math.max(oldest, this.#calmAtMs - lateSeconds * 1000)
    return Math.floor(from / minute) * minute
  }

  #keepSeconds(rows: readonly SecondCount[], fromMs: number, nowMs: number): void {
    const oldest = Math.floor(nowMs / 1000) - keptSeconds
    for (const second of this.#seconds.keys()) {
      if (second >= fromMs / 1000 || second < oldest) this.#seconds.delete(second)
    }
    for (const { second, label, posts } of rows) {
      this.#seconds.set(second, new Map([...(this.#seconds.get(second) ?? []), [label, posts]]))
    }
  }

  #keepMinutes(rows: readonly MinuteTag[], fromMs: number, nowMs: number): void {
    for (const minute of this.#minutes.keys()) {
      if (minute >= fromMs / 1000 || minute <= nowMs / 1000 - hashtagMinutes * 60) this.#minutes.delete(minute)
    }
    for (const row of rows) this.#minutes.set(row.minute, [...(this.#minutes.get(row.minute) ?? []), row])
  }

  #keepNewest(rows: readonly NewestPost[]): void {
    const known = new Map([...rows, ...this.#newest].map((post) => [post.key, post]))
    this.#newest = [...known.values()].sort((a, b) => b.scoredAtMs - a.scoredAtMs).slice(0, newestCount)
  }

  #draw(nowMs: number, modelLabels: readonly string[]): LiveData {
    const labels = this.#labels(modelLabels)
    const end = Math.floor((nowMs - settleMs) / 1000) // the first second that is not over
    const start = end - historySeconds
    const values = Array.from({ length: historySeconds }, (_, n) => this.#posts(start + n))
    // Steps begin at whole multiples, so that a step keeps its posts from one snapshot to the next.
    const classStart = Math.floor(start / classStepSeconds) * classStepSeconds
    const steps = Math.floor((end - classStart) / classStepSeconds)
    const counts = labels.map((label) =>
      Array.from({ length: steps }, (_, n) => this.#sum(classStart + n * classStepSeconds, classStepSeconds, label)),
    )
    const recent = labels.map((label) => this.#sum(end - shareSeconds, shareSeconds, label))
    const total = recent.reduce((sum, count) => sum + count, 0)
    return {
      asOfMs: nowMs,
      labels: [...labels],
      rate: {
        now: values.slice(-rateSeconds).reduce((sum, value) => sum + value, 0) / rateSeconds,
        startMs: start * 1000,
        stepMs: 1000,
        values,
      },
      classes: {
        windowSeconds: shareSeconds,
        shares: recent.map((count) => (total === 0 ? 0 : count / total)),
        startMs: classStart * 1000,
        stepMs: classStepSeconds * 1000,
        counts,
      },
      hashtags: { minutes: hashtagMinutes, top: this.#topHashtags(labels) },
      newest: [...this.#newest],
      totals: { ...this.#totals },
    }
  }

  #labels(modelLabels: readonly string[]): readonly string[] {
    const seen = new Set([...this.#seconds.values()].flatMap((byLabel) => [...byLabel.keys()]))
    for (const { label } of this.#newest) seen.add(label)
    for (const { counts } of [...this.#minutes.values()].flat()) for (const label of counts.keys()) seen.add(label)
    return [...modelLabels, ...[...seen].filter((label) => !modelLabels.includes(label)).sort()]
  }

  #posts(second: number): number {
    return [...(this.#seconds.get(second)?.values() ?? [])].reduce((sum, posts) => sum + posts, 0)
  }

  #sum(from: number, seconds: number, label: string): number {
    let posts = 0
    for (let second = from; second < from + seconds; second++) posts += this.#seconds.get(second)?.get(label) ?? 0
    return posts
  }

  #topHashtags(labels: readonly string[]): Hashtag[] {
    const byTag = new Map<string, number[]>()
    for (const { tag, counts } of [...this.#minutes.values()].flat()) {
      const sums = byTag.get(tag) ?? labels.map(() => 0)
      byTag.set(
        tag,
        sums.map((sum, n) => sum + (counts.get(labels[n] ?? '') ?? 0)),
      )
    }
    return [...byTag]
      .map(([tag, counts]) => ({ tag, counts, posts: counts.reduce((sum, count) => sum + count, 0) }))
      .sort((a, b) => b.posts - a.posts || (a.tag < b.tag ? -1 : 1))
      .slice(0, hashtagCount)
  }
}
