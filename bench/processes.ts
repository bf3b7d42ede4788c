import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../core/package-root.ts'

const program = join(packageRoot, 'bin/driftline.js')
const ticksPerSecond = 100 // USER_HZ, fixed on Linux

/** What a process has used so far. */
export interface Usage {
  readonly cpuSeconds: number
  /** What of `cpuSeconds` passed in the kernel. */
  readonly kernelSeconds: number
  /** Highest resident memory, mapped files included: those of the log are the kernel's to take back. */
  readonly peakMb: number
  /** Resident memory without mapped files. */
  readonly ownMb: number
}

/** Reads /proc (Linux only); `undefined` once the process has ended. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    if (fields[0] === 'Z') return undefined // ended and not yet waited for: its memory reads as none
    const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
    const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
    const kernelSeconds = Number(fields[12]) / ticksPerSecond
    return { cpuSeconds, kernelSeconds, peakMb: kilobytes('VmHWM') / 1024, ownMb: kilobytes('RssAnon') / 1024 }
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

export interface Finished {
  readonly stdout: string
  readonly seconds: number
  /** Sampled each 50 ms, so the last 50 ms may be missing. */
  readonly usage: Usage
  /** Resident memory without mapped files at each tenth of the run, the highest of the tenth. */
  readonly ownMb: readonly number[]
}

export function startVerb(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
}

/** Runs a verb to its end and says what it took. */
export async function runVerb(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Finished> {
  const startedAt = performance.now()
  const child = startVerb(args, env)
  let stdout = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  let usage: Usage = { cpuSeconds: 0, kernelSeconds: 0, peakMb: 0, ownMb: 0 }
  const own: number[] = []
  const timer = setInterval(() => {
    usage = (child.pid === undefined ? undefined : usageOf(child.pid)) ?? usage
    own.push(Math.round(usage.ownMb))
  }, 50)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(timer)
  if (code !== 0) throw new Error(`driftline ${args.join(' ')} ended with ${code}`)
  const at = (tenth: number) => Math.floor((own.length * tenth) / 10)
  const ownMb = Array.from({ length: 10 }, (_, tenth) => Math.max(...own.slice(at(tenth), at(tenth + 1))))
  return { stdout, seconds: (performance.now() - startedAt) / 1000, usage, ownMb }
}

/** Starts a verb whose output is appended to a file. */
export function startLogged(args: readonly string[], env: NodeJS.ProcessEnv, logFile: string): ChildProcess {
  const output = openSync(logFile, 'a')
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', output, output] })
  closeSync(output)
  return child
}

/** Returns when the process is gone; one that has ended, or was never started, is gone already. */
export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a verb to its end and returns what it said, however it ended. */
export async function answerOf(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Answer> {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code: code ?? 1, ...output }
}

/** Reads /proc (Linux only); processes that end meanwhile are left out. */
export function childrenOf(parent: number): readonly { readonly pid: number; readonly args: readonly string[] }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = readFileSync(join('/proc', name, 'stat'), 'utf8')
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(ppid) !== parent || state === 'Z') return []
      return [{ pid: Number(name), args: readFileSync(join('/proc', name, 'cmdline'), 'utf8').split('\0') }]
    } catch (error) {
      if (isGone(error)) return []
      throw error
    }
  })
}

/** Whether a look at a process, or a signal to it, failed because it has ended. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')
}
