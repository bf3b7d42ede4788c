import { api } from './api.ts'

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
