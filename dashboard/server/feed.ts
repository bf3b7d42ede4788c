import type { StatusFile } from '../../core/status.ts'
import type { Part, Snapshot } from '../protocol.ts'

/** Where the server gets what it shows: the real one reads ClickHouse, the event log and the jobs' statuses. */
export interface LiveFeed {
  /** The state of things now. A part that is away is told in `parts`; the numbers last read from it stay. */
  snapshot(): Promise<Snapshot>
  /** The parts alone, for `/readyz`: log, store, score and whatever other job has ever run. */
  parts(): Promise<readonly Part[]>
  /** What the jobs say about themselves, for `/metrics`. */
  jobs(): Promise<readonly StatusFile[]>
}
