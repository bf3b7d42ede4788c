import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { makeDataFolder } from '../../core/data-folder.ts'
import { catalogue, DriftlineError, type ErrorCode } from '../../core/errors.ts'
import { builtModule } from '../../core/package-root.ts'
import { Leaving } from './leave.ts'
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
  /** Settles when the process has ended. */
  readonly ended: Promise<StoreEnd>
}

/** Either the code that it ended with, or the signal that it was killed by. */
export type StoreEnd = { readonly code: number } | { readonly killedBy: NodeJS.Signals }

const Message = z.union([
  z.object({ ready: z.string() }),
  z.object({
    failed: z.object({
      code: z.string().optional(),
      message: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
    }),
  }),
  Leaving,
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
 * @throws DriftlineError `CONFIG_INVALID`, `STORE_LOCKED`, `ADDRESS_UNAVAILABLE`, `SCHEMA_NEWER`, `STORE_UNAVAILABLE`
 */
export async function startStoreProcess(options: StoreProcessOptions, signal?: AbortSignal): Promise<StoreProcess> {
  signal?.throwIfAborted()
  makeDataFolder(options.data)
  const kept = variables.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  const child = fork(builtModule(import.meta.url, './main'), [JSON.stringify(options)], {
    env: { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: String(Math.max(threads, availableParallelism() * 2)) },
    execArgv: ['--max-old-space-size=512'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    detached: true, // Ctrl-C is for the parent, which stops its processes in order
  })
  const ended = endOf(child)
  const stop = async () => {
    child.kill('SIGTERM')
    // A statement that hangs in native code can hold up even process.exit; what is acknowledged is on disk all the same.
    const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    await ended
    clearTimeout(timer)
  }
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (reason: string) => reject(new DriftlineError('STORE_UNAVAILABLE', { data: options.data, reason }))
    child.once('error', (error) => fail(error.message))
    ended.then((end) => fail(`its process ended at once with ${sayEnd(end)}`), reject)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    child.on('message', (message) => {
      const parsed = Message.parse(message)
      if ('ready' in parsed) resolve(parsed.ready)
      if (!('failed' in parsed)) return
      const { code, message: reason, details } = parsed.failed
      if (isCode(code)) reject(new DriftlineError(code, { ...details, data: options.data }))
      else fail(reason)
    })
  }).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  return { url, pid: child.pid ?? 0, ended, [Symbol.asyncDispose]: stop }
}

/** The process leaves by a signal of its own, after it has told the code: what came over the channel is read to its end. */
export async function endOf(child: ChildProcess): Promise<StoreEnd> {
  let told: number | undefined
  child.on('message', (message) => {
    const leaving = Leaving.safeParse(message)
    if (leaving.success) told = leaving.data.leaving
  })
  const [[code, signal]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
  return told === undefined && signal !== null ? { killedBy: signal } : { code: told ?? code }
}

/** For people: `code 1`, `SIGSEGV`. */
export const sayEnd = (end: StoreEnd): string => ('code' in end ? `code ${end.code}` : end.killedBy)

const isCode = (code: string | undefined): code is ErrorCode => code !== undefined && Object.hasOwn(catalogue, code)
