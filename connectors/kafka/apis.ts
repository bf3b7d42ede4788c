import type { Reader, Writer } from './codec.ts'

/** A request of Kafka's protocol in the one version that we speak: Kafka 2.4 to 4.x and Redpanda know all of them. */
export interface Api<Request, Response> {
  readonly name: string
  readonly key: number
  readonly version: number
  /** Newer encoding, with optional fields after each structure. */
  readonly flexible?: boolean
  write(to: Writer, request: Request): void
  read(from: Reader): Response
}

const api = <Request, Response>(definition: Api<Request, Response>): Api<Request, Response> => definition

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

const noId = '0'.repeat(32)

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

export const findCoordinator = api({
  name: 'FindCoordinator',
  key: 10,
  version: 1,
  write: (to, { group }: { readonly group: string }) => to.string(group).i8(0),
  read(from) {
    from.i32()
    const error = from.i16()
    from.string()
    return { error, node: from.i32(), host: from.string() ?? '', port: from.i32() }
  },
})

export interface Membership {
  readonly group: string
  readonly generation: number
  readonly member: string
}

export const joinGroup = api({
  name: 'JoinGroup',
  key: 11,
  version: 5,
  write(
    to,
    request: {
      readonly group: string
      readonly member: string
      readonly sessionTimeoutMs: number
      readonly rebalanceTimeoutMs: number
      readonly protocol: string
      readonly metadata: Uint8Array
    },
  ) {
    to.string(request.group).i32(request.sessionTimeoutMs).i32(request.rebalanceTimeoutMs)
    to.string(request.member).string(null).string('consumer')
    to.array([request], ({ protocol, metadata }) => to.string(protocol).bytes(metadata))
  },
  read(from) {
    from.i32()
    const read = { error: from.i16(), generation: from.i32(), protocol: from.string() }
    const ids = { leader: from.string() ?? '', member: from.string() ?? '' }
    const members = from.array(() => {
      const member = from.string() ?? ''
      from.string()
      return { member, metadata: from.bytes() ?? Buffer.alloc(0) }
    })
    return { ...read, ...ids, members }
  },
})

export const syncGroup = api({
  name: 'SyncGroup',
  key: 14,
  version: 3,
  write(
    to,
    request: Membership & {
      readonly assignments: readonly { readonly member: string; readonly assignment: Uint8Array }[]
    },
  ) {
    to.string(request.group).i32(request.generation).string(request.member).string(null)
    to.array(request.assignments, ({ member, assignment }) => to.string(member).bytes(assignment))
  },
  read(from) {
    from.i32()
    return { error: from.i16(), assignment: from.bytes() ?? Buffer.alloc(0) }
  },
})

export const heartbeat = api({
  name: 'Heartbeat',
  key: 12,
  version: 3,
  write: (to, { group, generation, member }: Membership) =>
    to.string(group).i32(generation).string(member).string(null),
  read(from) {
    from.i32()
    return { error: from.i16() }
  },
})

export const leaveGroup = api({
  name: 'LeaveGroup',
  key: 13,
  version: 3,
  write(to, { group, member }: { readonly group: string; readonly member: string }) {
    to.string(group).array([member], (id) => to.string(id).string(null))
  },
  read(from) {
    from.i32()
    return { error: from.i16() }
  },
})

/** A member of a group, or nobody in particular: then only an empty group takes it. */
export const offsetCommit = api({
  name: 'OffsetCommit',
  key: 8,
  version: 5,
  write(to, request: Membership & { readonly topic: string; readonly positions: ReadonlyMap<number, number> }) {
    to.string(request.group).i32(request.generation).string(request.member)
    to.array([request], ({ topic, positions }) =>
      to.string(topic).array([...positions], ([partition, next]) => to.i32(partition).i64(next).string('')),
    )
  },
  read(from) {
    from.i32()
    const topics = from.array(() => {
      from.string()
      return from.array(() => ({ partition: from.i32(), error: from.i16() }))
    })
    return topics.flat()
  },
})

export const offsetFetch = api({
  name: 'OffsetFetch',
  key: 9,
  version: 3,
  write(to, request: { readonly group: string; readonly topic: string; readonly partitions: readonly number[] }) {
    to.string(request.group)
    to.array([request], ({ topic, partitions }) => to.string(topic).array(partitions, (partition) => to.i32(partition)))
  },
  read(from) {
    from.i32()
    const topics = from.array(() => {
      from.string()
      return from.array(() => {
        const read = { partition: from.i32(), next: from.i64() }
        from.string()
        return { ...read, error: from.i16() }
      })
    })
    return { error: from.i16(), positions: topics.flat() }
  },
})

export const createTopics = api({
  name: 'CreateTopics',
  key: 19,
  version: 4,
  write(
    to,
    request: {
      readonly name: string
      readonly partitions: number
      /** -1: the cluster's default. */
      readonly replication: number
      readonly configs: Readonly<Record<string, string>>
      readonly timeoutMs: number
    },
  ) {
    to.array([request], ({ name, partitions, replication, configs }) => {
      to.string(name).i32(partitions).i16(replication).i32(0)
      to.array(Object.entries(configs), ([key, value]) => to.string(key).string(value))
    })
    to.i32(request.timeoutMs).bool(false)
  },
  read(from) {
    from.i32()
    return from.array(() => ({ name: from.string() ?? '', error: from.i16(), reason: from.string() }))
  },
})

export const deleteTopics = api({
  name: 'DeleteTopics',
  key: 20,
  version: 3,
  write: (to, { name, timeoutMs }: { readonly name: string; readonly timeoutMs: number }) =>
    to.array([name], (topic) => to.string(topic)).i32(timeoutMs),
  read(from) {
    from.i32()
    return from.array(() => ({ name: from.string() ?? '', error: from.i16() }))
  },
})

const topicResource = 2

/** The named settings of a topic. */
export const describeConfigs = api({
  name: 'DescribeConfigs',
  key: 32,
  version: 2,
  write(to, { topic, names }: { readonly topic: string; readonly names: readonly string[] }) {
    to.array([topic], (name) =>
      to
        .i8(topicResource)
        .string(name)
        .array(names, (key) => to.string(key)),
    )
    to.bool(false)
  },
  read(from) {
    from.i32()
    const resources = from.array(() => {
      const error = from.i16()
      from.string()
      from.i8()
      from.string()
      const configs = from.array(() => {
        const config = { name: from.string() ?? '', value: from.string() }
        from.raw(3)
        from.array(() => [from.string(), from.string(), from.i8()])
        return config
      })
      return { error, configs }
    })
    return resources[0] ?? { error: -1, configs: [] }
  },
})
