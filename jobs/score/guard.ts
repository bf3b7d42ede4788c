import type { Guard } from '../../models/registry/traffic.ts'
import { type BettingState, betting } from '../../stats/betting.ts'
import type { Detector } from '../../stats/detector.ts'

/** What a challenger did with posts of one batch, beside what the champion did. */
export interface Observed {
  /** For each post that it was asked for, whether it failed on it although the champion can score it. */
  readonly failures: readonly boolean[]
  /** Classes by challenger and by champion: of the same post for a shadow, of a post each for a canary. */
  readonly pairs: readonly (readonly [challenger: string, champion: string])[]
  /** Model time a post in microseconds, none where it says nothing of the model. */
  readonly challengerUs: readonly number[]
  readonly championUs: readonly number[]
}

/** A bound that is broken. */
export interface Broken {
  readonly bound: 'maxErrorRate' | 'maxP99Ratio' | 'maxClassShift'
  /** For people, with the numbers. */
  readonly reason: string
}

/**
 * Chance of ever ending a challenger that keeps all its bounds, however long it runs: a third of it is for each bound, and
 * the third of class mix is shared out over the classes and both directions.
 */
export const falseAlarms = 0.003

/** Sub-batches that take at most this much longer than the champion's posts would are no slower, in microseconds. */
const unnoticedUs = 1000

/**
 * Judges a challenger against its bounds after each batch. Each bound is an anytime-valid test (stats/betting): looking at
 * it all the time does not raise the chance of a false alarm, and what breaks it is more than the bound, not merely more
 * than nothing.
 *
 * - Errors: the mean of failed (1) or not (0) is at most `maxErrorRate`. Judged from the first post on.
 * - Class mix: for each class, the mean of challenger's indicator − champion's over pairs of posts is at most
 *   `maxClassShift` in size.
 * - Latency: at most 1 % of posts take longer than `maxP99Ratio` times the champion's 99th percentile. The posts of a batch
 *   share their runs, so a batch is one value: its share of slow posts less the champion's share in the same batch, which
 *   takes out what slows both. A batch that takes less than 1 ms longer has no slow posts: small runs cost more a post.
 */
export class ChallengerGuard {
  readonly #bounds: Guard
  readonly #errors: Bet
  readonly #slow: Bet
  readonly #classes: readonly { readonly label: string; readonly sign: 1 | -1; readonly bet: Bet }[]
  readonly #championUs = new RecentP99()
  readonly #counts = new Map<string, { challenger: number; champion: number }>()
  #asked = 0
  #failed = 0
  #pairs = 0
  #timed = 0

  /** @param labels classes of challenger and champion together */
  constructor(bounds: Guard, labels: readonly string[]) {
    const alpha = falseAlarms / 3
    this.#bounds = bounds
    this.#errors = new Bet(bounds.maxErrorRate, alpha)
    this.#slow = new Bet((1 + 0.01) / 2, alpha)
    this.#classes = labels.flatMap((label) =>
      ([1, -1] as const).map((sign) => {
        return { label, sign, bet: new Bet((1 + bounds.maxClassShift) / 2, alpha / (2 * labels.length)) }
      }),
    )
  }

  /** @returns the first bound that is broken, if one is */
  observe(observed: Observed): Broken | undefined {
    return this.#judgeErrors(observed) ?? this.#judgeClasses(observed) ?? this.#judgeLatency(observed)
  }

  #judgeErrors({ failures }: Observed): Broken | undefined {
    for (const failed of failures) {
      this.#asked++
      if (failed) this.#failed++
      this.#errors.place(failed ? 1 : 0)
    }
    if (!this.#errors.won) return undefined
    const rate = percent(this.#failed / this.#asked)
    const bound = percent(this.#bounds.maxErrorRate)
    const reason = `it failed on ${this.#failed} of ${this.#asked} posts, ${rate}; the bound is ${bound}`
    return { bound: 'maxErrorRate', reason }
  }

  #judgeClasses({ pairs }: Observed): Broken | undefined {
    this.#pairs += pairs.length
    for (const [challenger, champion] of pairs) {
      this.#countOf(challenger).challenger++
      this.#countOf(champion).champion++
      for (const { label, sign, bet } of this.#classes) {
        bet.place((sign * (Number(challenger === label) - Number(champion === label)) + 1) / 2)
      }
    }
    if (this.#pairs < this.#bounds.minPosts) return undefined
    const broken = this.#classes.find(({ bet }) => bet.won)
    if (broken === undefined) return undefined
    const { challenger, champion } = this.#countOf(broken.label)
    const shares = `${percent(challenger / this.#pairs)} of its posts are ${broken.label}, and ${percent(champion / this.#pairs)} of the champion's`
    const bound = percent(this.#bounds.maxClassShift)
    return { bound: 'maxClassShift', reason: `${shares}, of ${this.#pairs} each; they may be ${bound} apart` }
  }

  #judgeLatency({ challengerUs, championUs }: Observed): Broken | undefined {
    const { maxP99Ratio, minPosts } = this.#bounds
    const p99Us = this.#championUs.of(minPosts)
    this.#championUs.add(championUs)
    if (p99Us === undefined || challengerUs.length === 0) return undefined
    const slowUs = Math.max(maxP99Ratio * p99Us, p99Us + unnoticedUs / challengerUs.length)
    this.#timed += challengerUs.length
    this.#slow.place((shareAbove(challengerUs, slowUs) - shareAbove(championUs, slowUs) + 1) / 2)
    if (!this.#slow.won || this.#timed < minPosts) return undefined
    const measured = `more than 1 % of its ${this.#timed} posts took over ${maxP99Ratio} times the ${p99Us.toPrecision(3)} µs`
    return { bound: 'maxP99Ratio', reason: `${measured} of model time that 99 % of the champion's take at most` }
  }

  #countOf(label: string): { challenger: number; champion: number } {
    const known = this.#counts.get(label) ?? { challenger: 0, champion: 0 }
    this.#counts.set(label, known)
    return known
  }
}

/** A bet, renewed with each value from 0 to 1, that their mean is above what it may be. */
class Bet {
  readonly #detector: Detector<BettingState>
  #state: BettingState
  won = false

  constructor(mean: number, alpha: number) {
    // A mean of 1 cannot be exceeded, and one of 0 is a tiny one.
    this.#detector = betting({ mean: Math.min(1 - 1e-9, Math.max(1e-6, mean)), alpha })
    this.#state = this.#detector.initial()
  }

  place(value: number): void {
    const { state, verdict } = this.#detector.step(this.#state, value)
    this.#state = state
    this.won = verdict === 'drift'
  }
}

/** 99th percentile of the newest values; computed anew once a tenth of them are new. */
class RecentP99 {
  readonly #kept = new Float64Array(10_000)
  #seen = 0
  #computedAt = 0
  #p99: number | undefined

  add(values: readonly number[]): void {
    for (const value of values) this.#kept[this.#seen++ % this.#kept.length] = value
  }

  /** `undefined` while fewer than `least` are known. */
  of(least: number): number | undefined {
    const held = Math.min(this.#seen, this.#kept.length)
    if (held < Math.min(least, this.#kept.length)) return undefined
    if (this.#p99 === undefined || this.#seen - this.#computedAt > held / 10) {
      this.#computedAt = this.#seen
      this.#p99 = this.#kept.slice(0, held).sort()[Math.floor(0.99 * (held - 1))]
    }
    return this.#p99
  }
}

const shareAbove = (values: readonly number[], bound: number): number =>
  values.length === 0 ? 0 : values.filter((value) => value > bound).length / values.length

const percent = (share: number): string => `${Number((100 * share).toPrecision(3))} %`
