import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { packageRoot } from '../../core/package-root.ts'
import type { ReplayPost } from './change.ts'

export interface FeedOptions {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** What the child prints on stderr, line by line. */
  readonly onLine: (line: string) => void
}

export interface Feed extends AsyncDisposable {
  /**
   * Writes posts at a steady rate, each with the time of its writing.
   *
   * @param ratePerSecond posts per second
   * @param onFed told how many have been written, a few times a second
   */
  send(posts: readonly ReplayPost[], ratePerSecond: number, onFed: (posts: number) => void): Promise<void>
}

const stepMs = 100

/** `driftline ingest stdin` as a process of its own, and posts into it. */
export function startFeed({ env, cwd, clock, signal, onLine }: FeedOptions): Feed {
  const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), 'ingest', 'stdin'], {
    env,
    cwd,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text
    const lines = told.split('\n')
    told = lines.pop() ?? ''
    lines.forEach(onLine)
  })
  const ended = once(child, 'close')
  let broken: Error | undefined
  child.stdin.on('error', (error) => {
    broken = error // told by the next `send`, or by its exit code
  })
  signal.addEventListener('abort', () => void child.kill('SIGTERM'), { once: true })
  return {
    async send(posts, ratePerSecond, onFed) {
      const startMs = clock.now()
      for (let next = 0; next < posts.length; ) {
        signal.throwIfAborted()
        if (broken !== undefined || child.exitCode !== null) {
          throw new DriftlineError(
            'SOURCE_UNAVAILABLE',
            { reason: `ingest ended with ${child.exitCode}` },
            { cause: broken },
          )
        }
        const now = clock.now()
        const due = Math.min(posts.length, Math.floor(((now - startMs) * ratePerSecond) / 1000) + 1)
        const lines = posts.slice(next, due).map((post) => `${JSON.stringify({ ...post, createdAt: now })}\n`)
        if (lines.length > 0 && !child.stdin.write(lines.join('')))
          await Promise.race([once(child.stdin, 'drain'), ended])
        next = due
        onFed(next)
        await clock.sleep(stepMs, signal)
      }
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}
