import { defineConfig } from 'vitest/config'
import { patience } from '../patience.ts'

// Apart from `npm test`, which needs no server; `npm run test:s3` (after test/s3/install.sh) and CI run these.
export default defineConfig({
  test: {
    include: ['test/s3/*.s3.ts'],
    globalSetup: 'vitest.setup.ts', // writers are processes, from dist/
    pool: 'forks',
    ...patience,
  },
})
