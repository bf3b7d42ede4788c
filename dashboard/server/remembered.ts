import type { Clock } from '../../core/clock.ts'

/**
 * What `make` gives, asked at most once in `ms` for each key, however many pages ask; a failure is not remembered.
 *
 * @param most keys that are kept, the newest: they may come from outside
 */
export function remembered<T>(clock: Clock, ms: number, make: (key: string) => Promise<T>, most = 20) {
  const known = new Map<string, { readonly atMs: number; readonly value: Promise<T> }>()
  const forget = (key: string) => {
    known.delete(key)
  }
  return {
    get(key = ''): Promise<T> {
      const before = known.get(key)
      const atMs = clock.now()
      if (before !== undefined && atMs >= before.atMs && atMs - before.atMs < ms) return before.value
      const value = make(key)
      known.delete(key)
      known.set(key, { atMs, value })
      value.catch(() => {
        if (known.get(key)?.value === value) forget(key)
      })
      const [oldest] = known.keys()
      if (known.size > most && oldest !== undefined) forget(oldest)
      return value
    },
    forget,
  }
}
