import { api } from './api.ts'

export interface ProducePart {
  readonly topic: string
  readonly partition: number
  /** One encoded batch. */
  readonly records: Uint8Array
}

export const produce = api({
  name: 'Produce',
  key: 0,
  version: 7,
  write(to, { parts, timeoutMs }: { readonly parts: readonly ProducePart[]; readonly timeoutMs: number }) {
    to.string(null).i16(-1).i32(timeoutMs) // -1: acknowledged once all replicas in sync have it
    const topics = [...new Set(parts.map(({ topic }) => topic))]
    to.array(topics, (topic) => {
      to.string(topic).array(
        parts.filter((part) => part.topic === topic),
        ({ partition, records }) => to.i32(partition).bytes(records),
      )
    })
  },
  read(from) {
    const topics = from.array(() => {
      const topic = from.string() ?? ''
      return from.array(() => {
        const read = { topic, partition: from.i32(), error: from.i16(), baseOffset: from.i64() }
        from.raw(16)
        return read
      })
    })
    return topics.flat()
  },
})

export const initProducerId = api({
  name: 'InitProducerId',
  key: 22,
  version: 1,
  write: (to, _request: null) => to.string(null).i32(60_000),
  read(from) {
    from.i32()
    return { error: from.i16(), producer: from.big64(), epoch: from.i16() }
  },
})
