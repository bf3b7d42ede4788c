import type { QueryRow } from '../../clickhouse/queries.ts'
import type { PartitionRange } from '../../connectors/event-log.ts'

export interface PartitionVerdict {
  readonly partition: number
  /** Where the job goes on, as far as the table says. */
  readonly position: number
  /** Records ever appended, as far as log and table know. */
  readonly appended: number
  readonly scored: number
  readonly dead: number
  /** Appended and in no table yet: they lie behind the position. Waiting is not wrong. */
  readonly waiting: number
  /** Offsets before the position that are in no table; some may hold no record (see gaps.ts). */
  readonly gaps: number
  /** Rows more than offsets. */
  readonly duplicates: number
  /** Where the log ends, and the position behind that end: the log has lost records that were scored. */
  readonly beyond?: { readonly end: number; readonly position: number }
  /** Stretches that are missing at either end of what the table holds; both offsets belong to them. */
  readonly missing: readonly { readonly from: number; readonly to: number }[]
}

/**
 * The table must hold each offset from the first that the log still has, or that the table has (retention may have taken
 * the older ones from the log), up to the position. Retention that took a record before the position reached it lost it.
 *
 * @param row what the table holds of the partition; `undefined` for nothing
 */
export function judge(
  { partition, start, end }: PartitionRange,
  row: QueryRow<'verify_offsets'> | undefined,
): PartitionVerdict {
  if (row === undefined) {
    const waiting = end - start
    return {
      partition,
      position: start,
      appended: waiting,
      scored: 0,
      dead: 0,
      waiting,
      gaps: 0,
      duplicates: 0,
      missing: [],
    }
  }
  const first = Math.min(start, row.first_offset)
  const position = Math.max(row.position, first)
  const lost = position > first ? Math.max(0, start - position) : 0
  const missing = [
    { from: first, to: Math.min(row.first_offset, position) - 1 },
    { from: position, to: position + lost - 1 },
  ].filter(({ from, to }) => from <= to)
  return {
    partition,
    position,
    appended: end - first,
    scored: row.rows - row.dead_rows,
    dead: row.dead_rows,
    waiting: Math.max(0, end - position - lost - row.ahead),
    gaps: position - first - (row.offsets - row.ahead) + lost,
    duplicates: row.rows - row.offsets,
    missing,
    ...(position > end ? { beyond: { end, position } } : {}),
  }
}
