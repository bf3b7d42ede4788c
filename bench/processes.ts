import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../core/package-root.ts'

export const program = join(packageRoot, 'bin/driftline.js')
const ticksPerSecond = 100 // USER_HZ, fixed on Linux

/** What a process has used so far. */
export interface Usage {
  readonly cpuSeconds: number
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
    return { cpuSeconds, peakMb: kilobytes('VmHWM') / 1024, ownMb: kilobytes('RssAnon') / 1024 }
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined
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
  let usage: Usage = { cpuSeconds: 0, peakMb: 0, ownMb: 0 }
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
