import { defineConfig } from 'vitest/config'
import { patience } from '../patience.ts'

// Apart from `npm test`: it takes a Kafka broker, an S3 server and all jobs (docs/scaling.md).
export default defineConfig({
  test: {
    include: ['test/compose/*.compose.ts'],
    globalSetup: 'vitest.setup.ts',
    pool: 'forks',
    ...patience,
  },
})
