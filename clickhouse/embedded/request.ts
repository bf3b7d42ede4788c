import type { IncomingMessage } from 'node:http'
import { ClickHouseException } from './exception.ts'

/** What a request asks for, from its URL, its headers and the fields of a form. Texts are latin1: one character a byte. */
export interface Request {
  /** `query` of the URL; an INSERT's data, or the statement itself, stands in the body. */
  readonly query: string
  readonly queryId: string
  readonly replaceRunning: boolean
  readonly database: string
  readonly defaultFormat: string | undefined
  readonly roles: readonly string[]
  readonly session: { readonly id: string; readonly timeoutMs: number; readonly mustExist: boolean } | undefined
  readonly settings: ReadonlyMap<string, string>
  readonly parameters: ReadonlyMap<string, string>
  /** Answer only when all is known: the status is then always right, and the result waits in memory. */
  readonly waitForEnd: boolean
  readonly compressAnswer: boolean
  readonly readOnly: boolean
}

/** Pairs of a query string, byte for byte: `URLSearchParams` would replace what is no UTF-8. */
export function searchPairs(url: string): (readonly [string, string])[] {
  const at = url.indexOf('?')
  if (at < 0) return []
  const decode = (text: string) =>
    text
      .replaceAll('+', ' ')
      .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return url
    .slice(at + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
    })
}

/** Read elsewhere, or of no use to a client of this process. */
const ignored = new Set([
  'user',
  'password',
  'quota_key',
  'buffer_size',
  'client_protocol_version',
  'stacktrace',
  'add_http_cors_header',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'http_write_exception_in_output_format',
  'enable_http_compression',
  'http_zlib_compression_level',
  'close_session',
])

/**
 * @param message the request
 * @param extra pairs of a form in the body
 * @throws ClickHouseException for a name that cannot be a setting, a wrong time-out, or ClickHouse's own compression
 */
export function parseRequest(message: IncomingMessage, extra: readonly (readonly [string, string])[] = []): Request {
  const fields = new Map<string, string>()
  const settings = new Map<string, string>()
  const parameters = new Map<string, string>()
  const roles: string[] = []
  for (const [name, value] of [...searchPairs(message.url ?? ''), ...extra]) {
    if (name.startsWith('param_')) parameters.set(identifier(name.slice('param_'.length)), value)
    else if (name === 'role') roles.push(value)
    else if (known.has(name)) fields.set(name, value)
    else if (!ignored.has(name)) settings.set(identifier(name), value)
    if (name === 'enable_http_compression') fields.set(name, value)
  }
  for (const name of ['compress', 'decompress']) {
    if (isOn(fields.get(name))) {
      throw ClickHouseException.raise(
        'NOT_IMPLEMENTED',
        `Use Content-Encoding and Accept-Encoding instead of ${name}=1.`,
      )
    }
  }
  const header = (name: string) => {
    const value = message.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return {
    query: fields.get('query') ?? '',
    queryId: fields.get('query_id') || header('x-clickhouse-query-id') || '',
    replaceRunning: isOn(fields.get('replace_running_query')),
    database: fields.get('database') || header('x-clickhouse-database') || 'default',
    defaultFormat: fields.get('default_format') || header('x-clickhouse-format'),
    roles,
    session: sessionOf(fields),
    settings,
    parameters,
    waitForEnd: isOn(fields.get('wait_end_of_query')),
    compressAnswer: isOn(fields.get('enable_http_compression')),
    readOnly: message.method === 'GET' || message.method === 'HEAD',
  }
}

const known = new Set([
  'query',
  'query_id',
  'replace_running_query',
  'database',
  'default_format',
  'session_id',
  'session_timeout',
  'session_check',
  'wait_end_of_query',
  'compress',
  'decompress',
])

const isOn = (value: string | undefined): boolean => value !== undefined && !['', '0', 'false'].includes(value)

function identifier(name: string): string {
  if (/^[A-Za-z_]\w{0,255}$/.test(name)) return name
  throw ClickHouseException.raise('UNKNOWN_SETTING', `Setting ${JSON.stringify(name)} is neither known nor a name.`)
}

const longestSessionSeconds = 3600

function sessionOf(fields: ReadonlyMap<string, string>): Request['session'] {
  const id = fields.get('session_id')
  if (id === undefined || id === '') return undefined
  const seconds = Number(fields.get('session_timeout') ?? 60)
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestSessionSeconds) {
    throw ClickHouseException.raise(
      'INVALID_SESSION_TIMEOUT',
      `Session timeout must be a whole number of seconds up to ${longestSessionSeconds}.`,
      400,
    )
  }
  return { id, timeoutMs: seconds * 1000, mustExist: isOn(fields.get('session_check')) }
}
