/** Learning rate as a factor of its peak, by step counted from 0. */
export type Schedule = (step: number) => number

export interface ScheduleOptions {
  readonly totalSteps: number
  /** Steps over which the rate rises from 0 to its peak. */
  readonly warmupSteps: number
  /** `linear` and `cosine` fall to 0 at `totalSteps`. */
  readonly decay: 'constant' | 'linear' | 'cosine'
}

/** The factors of `get_linear_schedule_with_warmup` and `get_cosine_schedule_with_warmup` of transformers. */
export function schedule({ totalSteps, warmupSteps, decay }: ScheduleOptions): Schedule {
  return (step) => {
    if (step < warmupSteps) return step / Math.max(1, warmupSteps)
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps))
    switch (decay) {
      case 'constant':
        return 1
      case 'linear':
        return 1 - progress
      case 'cosine':
        return (1 + Math.cos(Math.PI * progress)) / 2
    }
  }
}
