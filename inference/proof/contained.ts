import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import type { Clock } from '../../core/clock.ts'

export interface Containment {
  /** Built file that runs. */
  readonly program: string
  readonly args: readonly string[]
  readonly wallMs: number
  readonly cpuMs: number
  readonly memoryMb: number
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Returns true for the last message: the process is then ended. */
  readonly onMessage: (message: unknown) => boolean
}

/** Why a contained process is no more. */
export type Ending =
  | { readonly kind: 'exit'; readonly code: number | null; readonly signal: NodeJS.Signals | null }
  | { readonly kind: 'done' | 'wall' | 'cpu' | 'memory' }

export interface Ended {
  readonly ending: Ending
  /** Highest resident memory that was seen, in MB; `null` where the system does not say. */
  readonly peakMb: number | null
}

const everyMs = 25

/** What of our environment a process may see that tries a model of unknown origin: no tokens, no passwords. */
const passed = [
  'PATH',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'SystemRoot',
  'ORT_DISABLE_TELEMETRY',
]

/**
 * Runs a program that may hang, crash or ask for all memory, until its last message, and then kills it: a process that is in
 * native code ends in no other way. It can write no file.
 *
 * CPU time and memory are limited by the kernel where it can (`ulimit`; on macOS it does not limit memory), so that they hold even when
 * this process is gone. The watch over resident memory ends what grows slowly before the kernel refuses it an allocation; it
 * reads /proc, and does not exist elsewhere: there the wall clock alone ends a process that eats memory.
 */
export async function runContained(containment: Containment): Promise<Ended> {
  const { signal, clock, onMessage, memoryMb } = containment
  signal.throwIfAborted()
  const child = start(containment)
  const over = new AbortController()
  let peakMb: number | null = null
  try {
    // What scores comes first. Who is nicer already may not raise a priority again, not even its child's.
    if (child.pid !== undefined)
      setPriority(child.pid, Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL))
    const ending = await new Promise<Ending>((resolve, reject) => {
      const look = () => {
        const now = residentMb(child.pid)
        if (now === undefined) return
        peakMb = Math.max(peakMb ?? 0, now)
        if (now > memoryMb) resolve({ kind: 'memory' })
      }
      const watch = setInterval(look, everyMs)
      over.signal.addEventListener('abort', () => clearInterval(watch))
      const abort = () => reject(signal.reason)
      signal.addEventListener('abort', abort)
      over.signal.addEventListener('abort', () => signal.removeEventListener('abort', abort))
      child.on('message', (message) => {
        look()
        if (onMessage(message)) resolve({ kind: 'done' })
      })
      child.once('error', reject)
      child.once('exit', (code, by) => resolve(by === 'SIGXCPU' ? { kind: 'cpu' } : { kind: 'exit', code, signal: by }))
      clock.sleep(containment.wallMs, over.signal).then(
        () => resolve({ kind: 'wall' }),
        () => undefined, // ended in time
      )
    })
    return { ending, peakMb }
  } finally {
    over.abort()
    child.kill('SIGKILL')
  }
}

/** Above the limit of resident memory: what the allocator holds back, and reserves, is no use of memory yet. */
const dataOverResident = 1.25
/**
 * What V8 reserves for code when it starts, used or not, and the kernel counts as data from V8 13 (Node 24) on: an idle process
 * has 575 MB of data there, and 49 MB on Node 20 and 22. Without this room it would not even start below 560 MB.
 */
const reservedMb = Number.parseInt(process.versions.v8, 10) >= 13 ? 512 : 0

function start({ program, args, cpuMs, memoryMb }: Containment): ChildProcess {
  const env = Object.fromEntries(
    passed.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
  const stdio: ['ignore', 'ignore', 'ignore', 'ipc'] = ['ignore', 'ignore', 'ignore', 'ipc']
  const command = [process.execPath, `--max-old-space-size=${Math.ceil(memoryMb)}`, program, ...args]
  if (process.platform === 'win32') return spawn(command[0] ?? '', command.slice(1), { env, stdio })
  const cpuSeconds = Math.ceil(cpuMs / 1000)
  const limits = [
    'ulimit -c 0',
    'ulimit -f 0',
    `ulimit -S -t ${cpuSeconds}`, // a signal of its own, so that one knows why
    `ulimit -H -t ${cpuSeconds + 2}`,
    `ulimit -d ${Math.ceil((memoryMb * dataOverResident + reservedMb) * 1024)}`,
  ]
  // A limit that is lower already stays.
  const script = `${limits.map((limit) => `${limit} 2>/dev/null`).join('; ')}; exec "$@"`
  return spawn('/bin/sh', ['-c', script, 'sh', ...command], { env, stdio })
}

/** Linux only. Read at once, without waiting: the look must not come late because a file system is busy. */
function residentMb(pid: number | undefined): number | undefined {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
  } catch {
    return undefined // another system, or it has ended
  }
}
