import { api, noId } from './api.ts'

/** Which versions of each request a broker speaks, by key. */
export const apiVersions = api({
  name: 'ApiVersions',
  key: 18,
  version: 2,
  write: (_to, _request: null) => undefined,
  read(from) {
    const error = from.i16()
    const versions = from.array(() => ({ key: from.i16(), min: from.i16(), max: from.i16() }))
    return { error, versions }
  },
})

export interface PartitionMetadata {
  readonly error: number
  readonly partition: number
  /** -1: nobody leads it now. */
  readonly leader: number
}

export interface TopicMetadata {
  readonly error: number
  readonly name: string
  /** `undefined` from brokers that give topics no identity. */
  readonly id: string | undefined
  readonly internal: boolean
  readonly partitions: readonly PartitionMetadata[]
}

export interface Metadata {
  readonly brokers: readonly { readonly node: number; readonly host: string; readonly port: number }[]
  readonly clusterId: string | null
  readonly controller: number
  readonly topics: readonly TopicMetadata[]
}

/** `null` asks for all topics. */
type MetadataRequest = { readonly topics: readonly string[] | null }

/** With topic identities: Kafka 2.8 and later. */
export const metadataWithIds = (version: 11 | 12) =>
  api({
    name: 'Metadata',
    key: 3,
    version,
    flexible: true,
    write(to, { topics }: MetadataRequest) {
      to.compactArray(topics, (name) => to.raw(Buffer.alloc(16)).compactString(name).noTags())
      to.bool(false).bool(false).noTags()
    },
    read(from): Metadata {
      from.i32()
      const brokers = from.compactArray(() => {
        const broker = { node: from.i32(), host: from.compactString() ?? '', port: from.i32() }
        from.compactString()
        from.skipTags()
        return broker
      })
      const clusterId = from.compactString()
      const controller = from.i32()
      const topics = from.compactArray((): TopicMetadata => {
        const error = from.i16()
        const name = from.compactString() ?? ''
        const id = from.raw(16).toString('hex')
        const internal = from.bool()
        const partitions = from.compactArray(() => {
          const read = { error: from.i16(), partition: from.i32(), leader: from.i32() }
          from.i32()
          for (let list = 0; list < 3; list++) from.compactArray(() => from.i32())
          from.skipTags()
          return read
        })
        from.i32()
        from.skipTags()
        return { error, name, id: id === noId ? undefined : id, internal, partitions }
      })
      return { brokers, clusterId, controller, topics }
    },
  })

/** Without identities, for older brokers. */
export const metadata = api({
  name: 'Metadata',
  key: 3,
  version: 5,
  write(to, { topics }: MetadataRequest) {
    if (topics === null) to.i32(-1)
    else to.array(topics, (name) => to.string(name))
    to.bool(false)
  },
  read(from): Metadata {
    from.i32()
    const brokers = from.array(() => {
      const broker = { node: from.i32(), host: from.string() ?? '', port: from.i32() }
      from.string()
      return broker
    })
    const clusterId = from.string()
    const controller = from.i32()
    const topics = from.array((): TopicMetadata => {
      const error = from.i16()
      const name = from.string() ?? ''
      const internal = from.bool()
      const partitions = from.array(() => {
        const read = { error: from.i16(), partition: from.i32(), leader: from.i32() }
        for (let list = 0; list < 3; list++) from.array(() => from.i32())
        return read
      })
      return { error, name, id: undefined, internal, partitions }
    })
    return { brokers, clusterId, controller, topics }
  },
})
