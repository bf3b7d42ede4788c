import { api, noId } from './api.ts'

export const earliest = -2
export const latest = -1

/** Committed records only: what an open transaction holds back does not count. */
const readCommitted = 1

export const listOffsets = api({
  name: 'ListOffsets',
  key: 2,
  version: 2,
  write(to, request: { readonly topic: string; readonly partitions: readonly number[]; readonly at: number }) {
    to.i32(-1).i8(readCommitted)
    to.array([request], ({ topic, partitions, at }) =>
      to.string(topic).array(partitions, (partition) => to.i32(partition).i64(at)),
    )
  },
  read(from) {
    from.i32()
    const topics = from.array(() => {
      from.string()
      return from.array(() => {
        const read = { partition: from.i32(), error: from.i16() }
        from.i64()
        return { ...read, offset: from.i64() }
      })
    })
    return topics.flat()
  },
})

export interface FetchPart {
  readonly topic: string
  /** Needed by `fetchById`. */
  readonly id: string | undefined
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

export interface FetchRequest {
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly parts: readonly FetchPart[]
}

export interface Fetched {
  /** Its id where parts are asked for by id. */
  readonly topic: string
  readonly partition: number
  readonly error: number
  /** Records of these producers from these offsets on were taken back. */
  readonly aborted: readonly { readonly producer: bigint; readonly from: number }[]
  readonly records: Buffer | null
}

/** By name: a topic made anew under the same name answers too. */
export const fetchByName = api({
  name: 'Fetch',
  key: 1,
  version: 11,
  write(to, { maxWaitMs, maxBytes, parts }: FetchRequest) {
    to.i32(-1).i32(maxWaitMs).i32(1).i32(maxBytes).i8(readCommitted).i32(0).i32(-1)
    to.array(parts, ({ topic, partition, offset, maxBytes }) => {
      to.string(topic).i32(1)
      to.i32(partition).i32(-1).i64(offset).i64(-1).i32(maxBytes)
    })
    to.i32(0).string('')
  },
  read(from): { error: number; parts: readonly Fetched[] } {
    from.i32()
    const error = from.i16()
    from.i32()
    const topics = from.array(() => {
      const topic = from.string() ?? ''
      return from.array((): Fetched => {
        const read = { topic, partition: from.i32(), error: from.i16() }
        from.raw(24)
        const aborted = from.array(() => ({ producer: from.big64(), from: from.i64() }))
        from.i32()
        return { ...read, aborted, records: from.bytes() }
      })
    })
    return { error, parts: topics.flat() }
  },
})

/** By identity: a topic made anew is another one. Kafka 3.1 and later. */
export const fetchById = api({
  name: 'Fetch',
  key: 1,
  version: 13,
  flexible: true,
  write(to, { maxWaitMs, maxBytes, parts }: FetchRequest) {
    to.i32(-1).i32(maxWaitMs).i32(1).i32(maxBytes).i8(readCommitted).i32(0).i32(-1)
    to.compactArray(parts, ({ id, partition, offset, maxBytes }) => {
      to.raw(Buffer.from(id ?? noId, 'hex')).unsigned(2)
      to.i32(partition).i32(-1).i64(offset).i32(-1).i64(-1).i32(maxBytes).noTags()
      to.noTags()
    })
    to.compactArray([], () => undefined)
      .compactString('')
      .noTags()
  },
  read(from): { error: number; parts: readonly Fetched[] } {
    from.i32()
    const error = from.i16()
    from.i32()
    const topics = from.compactArray(() => {
      const topic = from.raw(16).toString('hex')
      const parts = from.compactArray((): Fetched => {
        const read = { topic, partition: from.i32(), error: from.i16() }
        from.raw(24)
        const aborted = from.compactArray(() => {
          const transaction = { producer: from.big64(), from: from.i64() }
          from.skipTags()
          return transaction
        })
        from.i32()
        const records = from.compactBytes()
        from.skipTags()
        return { ...read, aborted, records }
      })
      from.skipTags()
      return parts
    })
    return { error, parts: topics.flat() }
  },
})
