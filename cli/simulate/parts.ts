import { join } from 'node:path'
import { systemClock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { packageRoot } from '../../core/package-root.ts'
import { readStatuses } from '../../core/status.ts'
import { type Part, supervise } from '../supervisor/supervisor.ts'

export interface PartsOptions {
  readonly data: string
  readonly env: NodeJS.ProcessEnv
  /** Arguments of `labels reveal`. */
  readonly reviewer: readonly string[]
  readonly log: Log
  readonly signal: AbortSignal
  readonly onLine: (part: string, line: string) => void
}

/**
 * Store, score, drift and the stand-in for reviewers, each the process that it is in production.
 *
 * @returns once they work; disposing stops them
 */
export async function startParts(options: PartsOptions): Promise<AsyncDisposable> {
  const { data, env, reviewer, log, signal, onLine } = options
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const says = (job: string) => async (waiting: AbortSignal) => {
    const works = async () =>
      (await readStatuses(data, systemClock.now())).some((file) => file.job === job && file.status?.state === 'ok')
    while (!(await works())) await systemClock.sleep(100, waiting)
  }
  const part = (name: string, args: readonly string[], ready: Part['ready'], more: Partial<Part> = {}): Part => ({
    name,
    args: [join(packageRoot, 'bin/driftline.js'), ...args],
    env,
    cwd: data, // a configuration file of the user's names servers and folders of theirs
    ready,
    ...more,
  })
  let isUp = (): void => undefined
  const up = new Promise<void>((resolve) => {
    isUp = resolve
  })
  const parts = [
    part('store', ['store'], async () => undefined, { graceMs: 2000 }),
    part('score', ['score'], says('score')),
    part('drift', ['drift'], says('drift')),
    part('reviewer', ['labels', 'reveal', ...reviewer], async (waiting) => {
      await says('reviewer')(waiting)
      isUp()
    }),
  ]
  const running = supervise(parts, { clock: systemClock, random: Math.random, log, signal: both, onLine })
  await Promise.race([up, running])
  signal.throwIfAborted()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}
