import pino from 'pino'
import pretty from 'pino-pretty'

/** Structured fields and a lower-case phrase: `log.info({ topic, rows }, 'batch written')`. */
export type Log = pino.Logger

/** Logs go to stderr, data to stdout. JSON unless stderr is a terminal. */
export function createLog(name: string, level = 'info'): Log {
  const stream = process.stderr.isTTY
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' })
    : pino.destination({ dest: 2, sync: true })
  return pino({ name, level, base: { name } }, stream)
}

export const silentLog: Log = pino({ level: 'silent' })
