import type { DriftCheckRow } from '../../../clickhouse/rows/drift.ts'

/** The verdict of a made-up drift check. */
export const driftCheck = (
  check: Pick<DriftCheckRow, 'check_id' | 'checked_at' | 'model_name' | 'verdict' | 'details'> & Partial<DriftCheckRow>,
): DriftCheckRow => ({
  window_from: check.checked_at,
  window_to: check.checked_at,
  model_version: 2,
  segment: '',
  statistic: 'verdict',
  value: 0,
  threshold: 0,
  p_value: null,
  effect: 0,
  reference_rows: 1000,
  live_rows: 1000,
  ...check,
})
