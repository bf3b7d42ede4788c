import { fork } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { catalogue, DriftlineError, type ErrorCode } from '../../core/errors.ts'
import { builtModule } from '../../core/package-root.ts'
import { threads } from './threads.ts'

export interface StoreProcessOptions {
  /** Absolute data folder. */
  readonly data: string
  readonly port: number
  /** Whether another port may be taken when `port` is in use. */
  readonly anyPort: boolean
  readonly database: string
  readonly logLevel: string
}

export interface StoreProcess extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Settles when the process ends: with its exit code, or -1 after a signal. */
  readonly ended: Promise<number>
}

const Message = z.union([
  z.object({ ready: z.string() }),
  z.object({ failed: z.object({ code: z.string().optional(), message: z.string() }) }),
])

/** Longer than the second that running statements get to end by themselves. */
const killAfterMs = 1600

const variables = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS']

/**
 * Starts the store in a process of its own. That has two reasons: the number of libuv's threads, one of which each
 * running statement holds, can only be set before a process starts; and an environment in which there are no secrets,
 * since SQL can read it. The process ends when this one does, however that happens.
 *
 * @returns once the store answers and its tables are there
 * @throws DriftlineError `STORE_LOCKED`, `ADDRESS_UNAVAILABLE`, `SCHEMA_NEWER`, `STORE_UNAVAILABLE`
 */
export async function startStoreProcess(options: StoreProcessOptions, signal?: AbortSignal): Promise<StoreProcess> {
  signal?.throwIfAborted()
  mkdirSync(options.data, { recursive: true, mode: 0o700 })
  const kept = variables.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  const child = fork(builtModule(import.meta.url, './main'), [JSON.stringify(options)], {
    env: { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: String(Math.max(threads, availableParallelism() * 2)) },
    execArgv: ['--max-old-space-size=512'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true, // Ctrl-C is for the parent, which stops its processes in order
  })
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? -1)))
  const stop = async () => {
    child.kill('SIGTERM')
    // A statement that hangs in native code can hold up even process.exit; what is acknowledged is on disk all the same.
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    await ended
    clearTimeout(timer)
  }
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (reason: string, code: ErrorCode = 'STORE_UNAVAILABLE') =>
      reject(new DriftlineError(code, { data: options.data, reason }))
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code, name) => fail(`its process ended at once (${name ?? code})`))
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    child.on('message', (message) => {
      const parsed = Message.parse(message)
      if ('ready' in parsed) resolve(parsed.ready)
      else fail(parsed.failed.message, isCode(parsed.failed.code) ? parsed.failed.code : undefined)
    })
  }).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return { url, pid: child.pid ?? 0, ended, [Symbol.asyncDispose]: stop }
}

const isCode = (code: string | undefined): code is ErrorCode => code !== undefined && Object.hasOwn(catalogue, code)
