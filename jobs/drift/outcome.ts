/** One statistic of one segment, before it is judged. */
export interface Outcome {
  readonly segment: string
  readonly statistic: string
  readonly value: number
  /** Of a value this far from the reference when nothing changed; `undefined` where there is no test. */
  readonly p: number | undefined
  /** How large the change is, and how large it must be to matter. */
  readonly effect: number
  readonly smallestEffect: number
  /** The value whose p is `alpha`. */
  thresholdAt(alpha: number): number
  /** What it is computed of. */
  readonly about: 'posts' | 'labels'
  /** False for a statistic that is shown beside the one that decides, and costs no share of the budget. */
  readonly decides: boolean
  readonly referenceRows: number
  readonly liveRows: number
  readonly sentence: string
}

export const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`
export const grouped = (count: number): string => Math.round(count).toLocaleString('en-US')
