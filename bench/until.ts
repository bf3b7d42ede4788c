import { systemClock } from '../core/clock.ts'

/** Asks again and again until it holds. @throws Error that names what was waited for, after `timeoutMs` */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 120_000): Promise<void> {
  const deadline = systemClock.now() + timeoutMs
  while (!(await holds())) {
    if (systemClock.now() > deadline) throw new Error(`no sign of ${what} within ${timeoutMs / 1000} s`)
    await systemClock.sleep(50)
  }
}
