import { defineConfig } from 'vitest/config'
import { patience } from '../patience.ts'

// Apart from `npm test`, which needs no browser; `npm run test:browser` and CI run these.
export default defineConfig({
  test: {
    include: ['test/browser/*.browser.ts'],
    globalSetup: 'vitest.setup.ts', // the page is served from dist/
    pool: 'forks',
    ...patience,
  },
})
