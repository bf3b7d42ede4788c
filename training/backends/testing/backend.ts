import { z } from 'zod'
import { backendNames } from '../backend.ts'

/** What the tests of the trainer compute with: wasm, unless the environment names another, as test/tensorflow/run.sh does. */
export const testBackend = z.enum(backendNames).default('wasm').parse(process.env.DRIFTLINE_TEST_BACKEND)
