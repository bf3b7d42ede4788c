import type { ClickHouseClient } from '@clickhouse/client'
import { storeFailure } from '../../../clickhouse/client.ts'
import type { TrainingRow } from '../../../clickhouse/rows/trainings.ts'
import type { Retraining } from './state.ts'

/** The row of table `trainings` that tells of the step which a retraining has just taken. */
export function rowOf(name: string, now: Retraining, before: Retraining | undefined, holder: string): TrainingRow {
  const { data } = now
  const leftOut = data === null ? 0 : Object.values(data.leftOut).reduce((sum, rows) => sum + rows, 0)
  return {
    training_id: now.id,
    step: now.step,
    at: Date.parse(now.since),
    model_name: name,
    state: now.state,
    reason: now.reason,
    started_by: now.by,
    check_id: now.checkId,
    promotion: now.promotion,
    from_version: now.champion,
    to_version: now.candidate ?? 0,
    holder,
    labels: data?.train ?? 0,
    replayed: data?.replayed ?? 0,
    held_out: data?.heldOut ?? 0,
    golden: data?.golden ?? 0,
    left_out: leftOut,
    gates_failed: now.gatesFailed ?? [],
    step_ms: before === undefined ? 0 : Math.max(0, Date.parse(now.since) - Date.parse(before.since)),
  }
}

/** Rows written twice count once (the table keeps one of each step). @throws DriftlineError `SINK_UNAVAILABLE` */
export async function recordSteps(client: ClickHouseClient, rows: readonly TrainingRow[]): Promise<void> {
  try {
    await client.insert({
      table: 'trainings',
      values: rows,
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0 },
    })
  } catch (error) {
    throw storeFailure(error, 'SINK_UNAVAILABLE')
  }
}
