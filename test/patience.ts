/**
 * How long tests wait, in milliseconds: against a hang only. No test asserts a time, machines are shared, and one that is ten
 * times slower than usual must find the same.
 */
export const patience = {
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 240_000 } }, // shorter than a test, so that it says what it saw last
} as const
