import type { Batch, Feed, Feeds } from './trainer.ts'

/** [from, to) of each worker's rows, as even as can be; fewer ranges than workers when there are fewer rows. */
export function splitRows(rows: number, workers: number): readonly (readonly [number, number])[] {
  const parts = Math.min(rows, workers)
  const cut = (part: number): number => Math.floor((rows * part) / parts)
  return Array.from({ length: parts }, (_, part) => [cut(part), cut(part + 1)])
}

/** Rows of a set of feeds, all of which must agree. */
export function rowsOf(feeds: Feeds): number {
  const counts = new Set(Object.values(feeds).map(({ dims }) => dims[0] ?? 0))
  const [rows] = counts
  if (rows === undefined || counts.size > 1) throw new Error(`feeds of ${[...counts].join(', ')} rows`)
  return rows
}

export const sliceFeeds = (feeds: Feeds, from: number, to: number): Feeds =>
  Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, sliceFeed(feed, from, to)]))

function sliceFeed({ dims, data }: Feed, from: number, to: number): Feed {
  const width = dims.slice(1).reduce((product, size) => product * size, 1)
  return { dims: [to - from, ...dims.slice(1)], data: data.slice(from * width, to * width) }
}

export function sliceBatch(batch: Batch, from: number, to: number): Batch {
  const { labels, weights, teacher, teacherWeights } = batch
  const classes = teacher === undefined ? 0 : teacher.length / labels.length
  return {
    feeds: sliceFeeds(batch.feeds, from, to),
    labels: labels.slice(from, to),
    ...(weights === undefined ? {} : { weights: weights.slice(from, to) }),
    ...(teacher === undefined ? {} : { teacher: teacher.slice(from * classes, to * classes) }),
    ...(teacherWeights === undefined ? {} : { teacherWeights: teacherWeights.slice(from, to) }),
  }
}
