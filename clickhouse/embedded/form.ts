import type { IncomingMessage } from 'node:http'
import type { Body } from './body.ts'
import { ClickHouseException } from './exception.ts'

/** The fields of a `multipart/form-data` body, which carry what is too long for a URL; `undefined` for any other body. */
export async function formPairs(
  message: IncomingMessage,
  body: Body,
): Promise<readonly (readonly [string, string])[] | undefined> {
  const type = message.headers['content-type'] ?? ''
  if (!type.toLowerCase().startsWith('multipart/form-data')) return undefined
  const form = await new Response(body.whole(), { headers: { 'Content-Type': type } }).formData().catch((error) => {
    throw ClickHouseException.raise('BAD_ARGUMENTS', `Body is not valid multipart/form-data: ${String(error)}`)
  })
  return [...form].map(([name, value]) => {
    if (typeof value !== 'string')
      throw ClickHouseException.raise('NOT_IMPLEMENTED', 'External tables are not supported.')
    return [name, Buffer.from(value, 'utf8').toString('latin1')] as const
  })
}
