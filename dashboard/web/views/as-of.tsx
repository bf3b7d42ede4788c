import { formatClock, formatSeconds } from '../format.ts'
import { useNow } from '../use-live.ts'
import type { Polled } from '../use-polled.ts'
import { Problem } from './problem.tsx'

interface AsOfProps {
  readonly polled: Polled<unknown>
  /** What is older than this, in milliseconds, is marked. */
  readonly staleMs: number
}

/** What failed, and how old the numbers below are once they are old. */
export function AsOf({ polled: { value, receivedAtMs, trouble }, staleMs }: AsOfProps) {
  const ageMs = useNow() - receivedAtMs
  const old = value !== undefined && ageMs > staleMs
  return (
    <div class="as-of">
      <Problem text={trouble} />
      {old && (
        <p class="old number">
          Behind: from {formatClock(receivedAtMs)}, {formatSeconds(ageMs / 1000)} old
        </p>
      )}
    </div>
  )
}
