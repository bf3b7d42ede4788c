import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'

/** One process that the supervisor keeps alive. Parts start in their order and stop in the reverse of it. */
export interface Part {
  readonly name: string
  /** Arguments of `node`, the program first. */
  readonly args: readonly string[]
  /** Resolves once the part does its work; the next one starts only then. Rejects when the signal is aborted. */
  readonly ready: (signal: AbortSignal) => Promise<void>
  readonly env: NodeJS.ProcessEnv
  /** Working folder, where the configuration file is looked for; default: this process's. */
  readonly cwd?: string
  /** Lines that the part prints on stdout. */
  readonly onData?: (line: string) => void
  /** Time between SIGTERM and SIGKILL, default 900 ms: all parts together stay within 5 s. */
  readonly graceMs?: number
  /** A part that may end by itself, such as the ingest of a file, is not restarted after exit code 0. */
  readonly finite?: boolean
}

export interface SupervisorOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  /** Stderr of the parts, line by line. */
  readonly onLine: (part: string, line: string) => void
  /** First wait before a restart, doubled each time. */
  readonly backOffMs?: number
  readonly maxBackOffMs?: number
  /** A part that lived this long starts again without delay, and its back-off starts anew. */
  readonly stableMs?: number
}

/**
 * Runs the parts until the signal is aborted: starts them in order, restarts one that ends (exponential back-off with
 * jitter, ±25 %), and stops them in reverse order. A part that is killed takes no other one with it.
 */
export async function supervise(parts: readonly Part[], options: SupervisorOptions): Promise<void> {
  const running: { part: Part; done: Promise<void>; stop: AbortController }[] = []
  try {
    for (const part of parts) {
      options.signal.throwIfAborted()
      const stop = new AbortController()
      running.push({ part, stop, done: keepAlive(part, stop.signal, options) })
      await part.ready(options.signal)
      options.log.info({ part: part.name }, 'part ready')
    }
    await aborted(options.signal)
  } finally {
    for (const { stop, done } of running.reverse()) {
      stop.abort()
      await done
    }
  }
}

async function keepAlive(part: Part, stop: AbortSignal, options: SupervisorOptions): Promise<void> {
  const { clock, random, log, backOffMs = 250, maxBackOffMs = 15_000, stableMs = 30_000 } = options
  let wait = backOffMs
  while (!stop.aborted) {
    const startedAt = clock.now()
    const { code, killedBy } = await runOnce(part, stop, options)
    if (stop.aborted) return
    if (part.finite === true && code === 0) {
      log.info({ part: part.name }, 'part finished')
      return
    }
    if (clock.now() - startedAt >= stableMs) wait = backOffMs
    const pause = Math.round(wait * (0.75 + 0.5 * random()))
    log.warn({ part: part.name, code, killedBy, restartInMs: pause }, 'part ended, restarting')
    await clock.sleep(pause, stop).catch((error: unknown) => {
      if (!stop.aborted) throw error
    })
    wait = Math.min(wait * 2, maxBackOffMs)
  }
}

async function runOnce(part: Part, stop: AbortSignal, options: SupervisorOptions) {
  // A group of its own, so that Ctrl-C reaches only the supervisor, which stops the parts in order. The IPC channel
  // tells a part that its supervisor is gone, even when that was killed: then the part ends by itself.
  const child = spawn(process.execPath, part.args, {
    detached: true,
    ...(part.cwd !== undefined && { cwd: part.cwd }),
    env: { ...part.env, DRIFTLINE_SUPERVISED: '1' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  onLines(child.stdout, (line) => part.onData?.(line))
  onLines(child.stderr, (line) => options.onLine(part.name, line))
  options.log.debug({ part: part.name, pid: child.pid }, 'part started')
  const ended = once(child, 'close')
  const onStop = () => void end(child, part.graceMs ?? 900)
  stop.addEventListener('abort', onStop, { once: true })
  if (stop.aborted) onStop()
  const [code, killedBy] = (await ended) as [number | null, NodeJS.Signals | null]
  stop.removeEventListener('abort', onStop)
  return { code, killedBy }
}

function onLines(stream: Readable | null, act: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', act)
}

function end(child: ChildProcess, graceMs: number): void {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.once('close', () => clearTimeout(timer))
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
