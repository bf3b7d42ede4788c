import { spawn } from 'node:child_process'
import type { Log } from '../core/log.ts'

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  win32: ['explorer.exe'],
}

/** Opens an address in the user's browser. Where there is none, as on a server, says so and goes on. */
export function openBrowser(url: string, log: Log, platform: NodeJS.Platform = process.platform): void {
  const [program, ...args] = openers[platform] ?? ['xdg-open']
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true })
  child.on('error', (error) => log.warn({ err: error, url }, 'no browser could be opened'))
  child.unref()
}
