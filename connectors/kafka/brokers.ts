import { DriftlineError } from '../../core/errors.ts'
import type { Address } from './connection.ts'

const defaultPort = 9092

/** `a:9092, b, [::1]:9093` → addresses. @throws DriftlineError `CONFIG_INVALID` */
export function brokersOf(list: string): Address[] {
  const addresses = list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(part) ?? []
      const host = bracketed ?? plain
      const number = port === undefined ? defaultPort : Number(port)
      if (host === undefined || number < 1 || number > 65_535) {
        throw new DriftlineError('CONFIG_INVALID', { reason: `kafkaBrokers: not host:port: ${JSON.stringify(part)}` })
      }
      return { host, port: number }
    })
  if (addresses.length === 0) throw new DriftlineError('CONFIG_INVALID', { reason: 'kafkaBrokers names no broker' })
  return addresses
}
