import * as z from 'zod/mini'

/** `/api/alerts`: the alerts that fire or are about to, and those that were, for the page. */

const count = z.int().check(z.nonnegative())

export const AlertState = z.enum(['pending', 'firing', 'resolved'])
export type AlertState = z.infer<typeof AlertState>

/** How telling a webhook of a step went. `waiting`: it was not tried yet; `retry`: it was, and will be again. */
export const Telling = z.object({
  event: z.enum(['firing', 'reminder', 'resolved']),
  webhook: z.string(),
  outcome: z.enum(['waiting', 'retry', 'delivered', 'dead']),
  attempts: count,
  /** Of the last attempt, '' when it was accepted. */
  reason: z.string(),
})
export type Telling = z.infer<typeof Telling>

export const ShownAlert = z.object({
  id: z.string(),
  rule: z.string(),
  kind: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  state: AlertState,
  /** '' for the whole stream; else `#tag`, `source x`, `model x` or `topic x`. */
  group: z.string(),
  /** When the condition began to hold, when it fired (null while it has not), when it was resolved (null until then). */
  startedAtMs: z.number(),
  firedAtMs: z.nullable(z.number()),
  resolvedAtMs: z.nullable(z.number()),
  summary: z.string(),
  tellings: z.array(Telling),
})
export type ShownAlert = z.infer<typeof ShownAlert>

export const AlertsPage = z.object({
  atMs: z.number(),
  /** Those that are active first, then the newest. */
  alerts: z.array(ShownAlert),
})
export type AlertsPage = z.infer<typeof AlertsPage>
