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
        <h1>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="7" fill="#14324a" />
            <path
              d="M5 20c4 0 4-8 8-8s4 10 8 10 3-6 6-6"
              fill="none"
              stroke="#7cc4f0"
              stroke-width="3"
              stroke-linecap="round"
            />
          </svg>
          Driftline
        </h1>
        {routes.length > 1 && (
          <nav aria-label="Views">
            {routes.map(({ path, title }) => (
              <a key={path} href={`#${path}`} aria-current={path === route.path ? 'page' : undefined}>
                {title}
              </a>
            ))}
          </nav>
        )}
        <ModelBadge model={live.snapshot?.model} />
        <LinkState live={live} />
      </header>
      <Banner live={live} />
      <main id="main" tabIndex={-1}>
        <route.view live={live} />
      </main>
    </>
  )
}
