import type { AlertWebhook } from '../../core/alert-settings.ts'
import { messageOf } from '../../core/errors.ts'
import { packageVersion } from '../../core/package-version.ts'
import type { Random } from '../../core/random.ts'
import { type Notice, signedHeaders, slackText } from './notice.ts'

/** What became of one attempt. */
export type Attempt =
  | { readonly outcome: 'delivered'; readonly status: number; readonly reason: '' }
  | { readonly outcome: 'dead'; readonly status: number; readonly reason: string }
  /** `waitMs` is what the receiver asked for, if it did. */
  | { readonly outcome: 'retry'; readonly status: number; readonly reason: string; readonly waitMs?: number }

/**
 * Posts a notice once. Accepted is any 2xx. 408, 425, 429, 5xx and no answer are tried again; every other answer would be the
 * same next time. A redirect is not followed: the notice, signature and all, goes to the address that was configured.
 *
 * @param id the same at each attempt, so that a receiver can leave out what it had before
 * @throws the signal's reason when aborted
 */
export async function post(
  webhook: AlertWebhook,
  id: string,
  notice: Notice,
  nowMs: number,
  signal: AbortSignal,
): Promise<Attempt> {
  const body = JSON.stringify(webhook.format === 'slack' ? { text: slackText(notice) } : notice)
  const late = AbortSignal.timeout(webhook.timeoutSeconds * 1000)
  try {
    const response = await fetch(webhook.url, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': `Driftline/${packageVersion}`,
        ...signedHeaders(id, nowMs, body, webhook.secrets),
      },
      signal: AbortSignal.any([signal, late]),
    })
    await response.body?.cancel()
    const { status } = response
    if (response.ok) return { outcome: 'delivered', status, reason: '' }
    if (status >= 500 || [408, 425, 429].includes(status)) {
      const waitMs = retryAfterMs(response.headers.get('retry-after'), nowMs)
      return { outcome: 'retry', status, reason: `HTTP ${status}`, ...(waitMs !== undefined && { waitMs }) }
    }
    const redirect = status >= 300 && status < 400 ? ', and redirects are not followed' : ''
    return { outcome: 'dead', status, reason: `HTTP ${status}${redirect}` }
  } catch (error) {
    signal.throwIfAborted()
    if (late.aborted) return { outcome: 'retry', status: 0, reason: `no answer within ${webhook.timeoutSeconds} s` }
    return { outcome: 'retry', status: 0, reason: reasonOf(error) }
  }
}

/** fetch says only that it failed; its cause says why. Neither names the path of the address. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  return code ?? messageOf(cause ?? error)
}

const mostAskedMs = 3_600_000

/** RFC 9110, section 10.2.3: seconds, or a date; at most an hour is granted. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), mostAskedMs) : undefined
}

const firstWaitMs = 2_000
const mostWaitMs = 600_000

/**
 * The wait before the next attempt: 2 s, doubled with each one up to ten minutes, ±25 % so that many notices do not return
 * together.
 *
 * @param attempts made so far, from 1
 */
export const backOffMs = (attempts: number, random: Random): number =>
  Math.min(mostWaitMs, firstWaitMs * 2 ** Math.min(attempts - 1, 20)) * (0.75 + 0.5 * random())
