/**
 * Where items come from: pulled, partitioned and resumable. Pulling with `max` is the back-pressure, and everything a
 * reader knows comes from `from`.
 */
export interface Source<Item, Position> {
  readonly name: string
  /**
   * The partitions to read now, yielded again whenever the assignment changes. A source whose partitions are fixed
   * yields once and returns; the flow then ends when every partition has ended.
   */
  assignments(signal: AbortSignal): AsyncIterable<readonly string[]>
  /**
   * Opens one partition.
   *
   * @param from the position in the last checkpoint; absent means the beginning
   * @throws DriftlineError `SOURCE_UNAVAILABLE` (retried), `TOPIC_RECREATED` (halts the partition)
   */
  open(partition: string, from: Position | undefined, signal: AbortSignal): Promise<Reader<Item, Position>>
}

export interface Reader<Item, Position> extends AsyncDisposable {
  /**
   * Items ready now, in order, never more than `max`; none when nothing came within the reader's own short wait
   * (about 100 ms at most, so that a stop is noticed); `undefined` when the partition has ended.
   */
  next(max: number): Promise<readonly Item[] | undefined>
  /** Where to resume: just after the last item that `next` returned, so nothing is read twice or skipped. */
  position(): Position
}
