import * as z from 'zod/mini'

/** The server answered, and not with what was asked for. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number, reason: string) {
    super(reason)
    this.status = status
  }
}

const Complaint = z.object({ error: z.string() })

async function read<T>(response: Response, schema: z.ZodMiniType<T>): Promise<T> {
  const body: unknown = await response.json().catch(() => undefined)
  if (response.ok) return schema.parse(body)
  const reason = Complaint.safeParse(body).data?.error ?? `the server answered ${response.status}`
  throw new Refused(response.status, reason)
}

/** Both throw `Refused`, and a TypeError while the server cannot be reached. */
export async function getJson<T>(path: string, schema: z.ZodMiniType<T>, signal?: AbortSignal): Promise<T> {
  return read(await fetch(`./api/${path}`, { signal: signal ?? null }), schema)
}

export async function postJson<T>(path: string, body: object, schema: z.ZodMiniType<T>): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  // An answer that was given just before the tab is closed is sent all the same.
  return read(
    await fetch(`./api/${path}`, { method: 'POST', headers, body: JSON.stringify(body), keepalive: true }),
    schema,
  )
}

/** What went wrong, for a person. */
export const tell = (error: unknown): string =>
  error instanceof Refused ? error.message : 'The dashboard cannot be reached.'
