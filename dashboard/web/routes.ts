import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { LiveState } from './use-live.ts'
import { LiveView } from './views/live.tsx'

export interface Route {
  /** What follows `#` in the address. */
  readonly path: string
  readonly title: string
  readonly view: ComponentType<{ readonly live: LiveState }>
}

/** The page's tabs, in their order; the first is shown when the address names none. */
export const routes: readonly [Route, ...Route[]] = [{ path: 'live', title: 'Live', view: LiveView }]

const current = (): Route => routes.find(({ path }) => path === location.hash.slice(1)) ?? routes[0]

export function useRoute(): Route {
  const [route, setRoute] = useState(current)
  useEffect(() => {
    const onChange = () => setRoute(current())
    window.addEventListener('hashchange', onChange)
    return () => window.removeEventListener('hashchange', onChange)
  }, [])
  return route
}
