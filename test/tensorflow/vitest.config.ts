import { defineConfig } from 'vitest/config'
import { patience } from '../patience.ts'

// Apart from `npm test`, which needs no tfjs-node; test/tensorflow/run.sh and CI run these where it is installed.
export default defineConfig({
  test: {
    include: [
      'test/tensorflow/*.tensorflow.ts',
      'training/kernels/*.test.ts',
      'training/program.test.ts',
      'training/parallel/parity.test.ts',
    ],
    globalSetup: 'vitest.setup.ts', // trainers are threads, from dist/
    pool: 'forks',
    ...patience,
  },
})
