import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { LiveState } from './use-live.ts'
import { AlertsView } from './views/alerts.tsx'
import { DriftView } from './views/drift.tsx'
import { LiveView } from './views/live.tsx'
import { ModelsView } from './views/models.tsx'
import { ReviewView } from './views/review.tsx'

export interface Route {
  /** What follows `#` in the address. */
  readonly path: string
  readonly title: string
  readonly view: ComponentType<{ readonly live: LiveState }>
}

/** The page's tabs, in their order; the first is shown when the address names none. */
export const routes: readonly [Route, ...Route[]] = [
  { path: 'live', title: 'Live', view: LiveView },
  { path: 'review', title: 'Review', view: ReviewView },
  { path: 'drift', title: 'Drift', view: DriftView },
  { path: 'alerts', title: 'Alerts', view: AlertsView },
  { path: 'models', title: 'Models', view: ModelsView },
]

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
