import { Reader, Writer } from './codec.ts'

/** What members of a group tell each other, in the encoding of Kafka's own consumers, so that Kafka's tools can show it. */
export interface Subscribed {
  readonly topic: string
  readonly owned: readonly number[]
  readonly generation: number
}

export function encodeSubscribed({ topic, owned, generation }: Subscribed): Buffer {
  const to = new Writer().i16(2)
  to.array([topic], (name) => to.string(name)).bytes(null)
  to.array([owned], (partitions) => to.string(topic).array(partitions, (partition) => to.i32(partition)))
  return to.i32(generation).done()
}

export function decodeSubscribed(bytes: Buffer, topic: string): Omit<Subscribed, 'topic'> {
  const from = new Reader(bytes)
  const version = from.i16()
  from.array(() => from.string())
  from.bytes()
  const owned = version >= 1 ? topicPartitions(from, topic) : []
  return { owned, generation: version >= 2 ? from.i32() : -1 }
}

export function encodeAssignment(topic: string, partitions: readonly number[]): Buffer {
  const to = new Writer().i16(1)
  to.array([partitions], (own) => to.string(topic).array(own, (partition) => to.i32(partition)))
  return to.bytes(null).done()
}

/** Nothing for a member that was given nothing. */
export function decodeAssignment(bytes: Buffer, topic: string): number[] {
  if (bytes.length === 0) return []
  const from = new Reader(bytes)
  from.i16()
  return topicPartitions(from, topic)
}

function topicPartitions(from: Reader, topic: string): number[] {
  const lists = from.array(() => ({ name: from.string(), partitions: from.array(() => from.i32()) }))
  return lists.filter(({ name }) => name === topic).flatMap(({ partitions }) => partitions)
}
