import { api } from './api.ts'

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
