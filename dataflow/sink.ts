/** What a write makes durable together with its items: resuming from it neither repeats nor skips anything. */
export interface Checkpoint<Position> {
  readonly position: Position
  /** Operator states by step name; a flow of stateless steps has none. */
  readonly states: Readonly<Record<string, unknown>>
}

/** Where items go. One writer per source partition, with one write in flight. */
export interface Sink<Item, Position> {
  readonly name: string
  /** `effectively-once`: items and checkpoint become durable together, and repeating a write changes nothing. */
  readonly delivery: 'at-least-once' | 'effectively-once'
  open(partition: string, signal: AbortSignal): Promise<Writer<Item, Position>>
}

export interface Writer<Item, Position> extends AsyncDisposable {
  /** The checkpoint of the last durable write to this partition, or `undefined` before the first. Read once, on open. */
  checkpoint(): Promise<Checkpoint<Position> | undefined>
  /**
   * Resolves once every item and the checkpoint are durable. `items` may be empty: then only the checkpoint moved.
   * After a retryable failure exactly the same items and checkpoint come again, until they are durable or the writer is
   * closed; no other write of the partition has an equal checkpoint.
   *
   * @throws DriftlineError `SINK_UNAVAILABLE` (sent again with back-off); `WRITE_REJECTED` with `details.failed`, the
   *   indexes no retry can save, when nothing was written: the runtime hands those items to the flow's `onRejected` and
   *   sends the others again
   */
  write(items: readonly Item[], checkpoint: Checkpoint<Position>): Promise<void>
}
