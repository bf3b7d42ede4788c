import { defineConfig } from 'vitest/config'

// Apart from `npm test`: it takes a Kafka broker, an S3 server and all jobs (docs/scaling.md).
export default defineConfig({
  test: {
    include: ['test/compose/*.compose.ts'],
    globalSetup: 'vitest.setup.ts',
    pool: 'forks',
    testTimeout: 180_000,
    hookTimeout: 120_000,
  },
})
