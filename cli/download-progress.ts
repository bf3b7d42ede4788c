import type { Clock } from '../core/clock.ts'
import type { HubProgress } from '../models/import/hub.ts'

interface Stream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** One line that is rewritten on a terminal; elsewhere a line for each file that has arrived. */
export function downloadProgress(stream: Stream, clock: Clock) {
  const arrived = new Set<string>()
  let shownAt = Number.NEGATIVE_INFINITY
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
  return {
    show({ file, loaded, total }: HubProgress): void {
      if (arrived.has(file)) return
      const complete = total > 0 && loaded >= total
      if (complete) {
        arrived.add(file)
        stream.write(`${stream.isTTY ? '\r\x1b[K' : ''}${file} ${megabytes(total)} MB\n`)
        return
      }
      if (!stream.isTTY || clock.now() - shownAt < 250) return
      shownAt = clock.now()
      const of = total > 0 ? ` of ${megabytes(total)}` : ''
      stream.write(`\r\x1b[K${file} ${megabytes(loaded)}${of} MB`)
    },
    end: (): void => void stream.write(stream.isTTY ? '\r\x1b[K' : ''),
  }
}
