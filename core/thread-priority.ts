import { readFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** Against a thread of the usual priority that wants the same core, one that is so much nicer gets a tenth of it. */
const nicer = 10
const nicest = 19
const capSysNice = 1n << 23n

/** Whether threads have priorities of their own here. Elsewhere the call would slow the whole process. */
export const hasThreadPriorities = process.platform === 'linux'

/** Niceness of the thread that loads this module, before it lowered its own; a thread begins with that of its maker. */
const usual = hasThreadPriorities ? getPriority(0) : 0

/** Whether a thread that has lowered its priority may raise it again: on most systems only with a capability. */
export function canRaisePriority(): boolean {
  if (!hasThreadPriorities) return false
  try {
    const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
    const limit = /^Max nice priority\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '0'
    return (BigInt(`0x${capabilities}`) & capSysNice) !== 0n || Number(limit) >= 20 - usual // counted from the least niceness, −20
  } catch {
    return false // a system that hides /proc: then nobody finds out, and nothing is lowered that must be raised
  }
}

/** Of the thread that calls it; 0 stands for that thread on Linux. Where it is not allowed, nothing changes. */
export function setThreadPriority(low: boolean): void {
  if (!hasThreadPriorities) return
  try {
    setPriority(0, low ? Math.min(nicest, usual + nicer) : usual)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ERR_SYSTEM_ERROR') throw error // EACCES or EPERM, as Node wraps them
  }
}
