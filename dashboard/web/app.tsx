import { routes, useRoute } from './routes.ts'
import { useLive } from './use-live.ts'
import { Banner } from './views/banner.tsx'
import { LinkState, ModelBadge } from './views/status.tsx'

export function App() {
  const live = useLive()
  const route = useRoute()
  return (
    <>
      <a class="skip" href="#main">
        Skip to the numbers
      </a>
      <header class="top">
        <h1>Driftline</h1>
        {routes.length > 1 && (
          <nav aria-label="Views">
            {routes.map(({ path, title }) => (
              <a key={path} href={`#${path}`} aria-current={path === route.path ? 'page' : undefined}>
                {title}
              </a>
            ))}
          </nav>
        )}
        <ModelBadge model={live.snapshot?.model ?? null} />
        <LinkState live={live} />
      </header>
      <Banner live={live} />
      <main id="main" tabIndex={-1}>
        <route.view live={live} />
      </main>
    </>
  )
}
