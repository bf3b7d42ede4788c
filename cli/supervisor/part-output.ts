import { prettyFactory } from 'pino-pretty'

const pretty = prettyFactory({ colorize: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' })

/** A part's log line on our stderr: readable on a terminal, unchanged JSON elsewhere. What is no JSON (a crash) gets the part's name. */
export function printPartLine(part: string, line: string): void {
  if (!line.startsWith('{')) process.stderr.write(`[${part}] ${line}\n`)
  else process.stderr.write(process.stderr.isTTY ? pretty(line) : `${line}\n`)
}
