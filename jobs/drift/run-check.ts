import type { ClickHouseClient } from '@clickhouse/client'
import type { Clock } from '../../core/clock.ts'
import type { Documents } from '../../models/registry/documents.ts'
import type { CheckResult } from './check-result.ts'
import type { DriftSettings } from './settings.ts'
import { isStored, lastChecks, storeCheck } from './store.ts'
import { scoredStream } from './stream.ts'
import { type Checked, checkWindow, type ReferenceCache } from './window-check.ts'

export interface RunCheckOptions {
  readonly client: ClickHouseClient
  readonly documents: Documents
  readonly model: Checked
  readonly settings: DriftSettings
  readonly clock: Clock
  readonly references: ReferenceCache
  readonly signal: AbortSignal
  /** What the check is called for: the time it was due, or that somebody asked. */
  readonly tick: string
}

/**
 * One check of one version, stored. Its id says version and tick, so the same tick is never stored twice.
 *
 * @returns `undefined` when this tick was checked before
 */
export async function runCheck(options: RunCheckOptions): Promise<CheckResult | undefined> {
  const { client, documents, model, settings, clock, references, signal, tick } = options
  const checkId = `${model.name}-${model.version}-${tick}`
  if (await isStored(client, checkId, signal)) return undefined
  const last = (await lastChecks(client, model.name, 20, signal)).find(
    ({ model_version, details }) => model_version === model.version && details.state === 'checked',
  )
  const result = await checkWindow({
    checkId,
    stream: scoredStream(client, model, signal),
    documents,
    model,
    settings,
    clock,
    before:
      last === undefined
        ? undefined
        : {
            window: { from: last.window_from_ms, to: last.window_to_ms },
            labels: last.details.measured?.labels ?? 0,
          },
    references,
  })
  return (await storeCheck(client, result, signal)) ? result : undefined
}
