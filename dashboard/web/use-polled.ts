import { useEffect, useState } from 'preact/hooks'
import type * as z from 'zod/mini'
import { getJson, tell } from './api.ts'

export interface Polled<T> {
  /** The last one that came; it stays while the next ones fail. */
  readonly value: T | undefined
  /** When `value` came, by this page's clock. */
  readonly receivedAtMs: number
  /** Why the last attempt failed. */
  readonly trouble: string | undefined
}

/** Asks again and again while the page is looked at; `path` and `schema` may change. */
export function usePolled<T>(path: string, schema: z.ZodMiniType<T>, everyMs: number): Polled<T> {
  const [state, setState] = useState<Polled<T>>({ value: undefined, receivedAtMs: 0, trouble: undefined })
  useEffect(() => {
    const gone = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async (): Promise<void> => {
      clearTimeout(timer)
      if (document.visibilityState === 'hidden') return
      try {
        const value = await getJson(path, schema, gone.signal)
        setState({ value, receivedAtMs: Date.now(), trouble: undefined })
      } catch (error) {
        if (gone.signal.aborted) return
        setState((before) => ({ ...before, trouble: tell(error) }))
      }
      timer = setTimeout(ask, everyMs)
    }
    const onVisibility = () => void ask()
    document.addEventListener('visibilitychange', onVisibility)
    void ask()
    return () => {
      gone.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisibility)
    }
  }, [path, schema, everyMs])
  return state
}
