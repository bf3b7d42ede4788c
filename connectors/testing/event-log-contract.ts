import { sinkContract } from '../../dataflow/testing/sink-contract.ts'
import { liveSourceContract, sourceContract } from '../../dataflow/testing/source-contract.ts'
import type { EventLog, LogRecord, NewRecord } from '../event-log.ts'

/** An event log, empty as far as the test can see. */
export interface EventLogFixture extends AsyncDisposable {
  readonly log: EventLog
  /** Logs that share a cluster give topics names of their own. */
  topicName(name: string): string
}

const { signal } = new AbortController()

/** What every event log keeps, as a source and as a sink. */
export function eventLogContract(name: string, open: () => Promise<EventLogFixture>): void {
  sourceContract(name, async () => {
    const { log, topicName, ...fixture } = await openWith(open)
    const topic = topicName('posts')
    await log.createTopic(topic, 3)
    const texts = Array.from({ length: 24 }, (_, number) => `post ${number}`)
    for (let from = 0; from < texts.length; from += 5) await append(log, topic, texts.slice(from, from + 5))
    const held = new Map<string, readonly LogRecord[]>()
    for (const partition of ['0', '1', '2']) held.set(partition, await readPartition(log, topic, partition))
    return { source: log.source(topic, { untilEnd: true }), held, ...fixture }
  })

  liveSourceContract(name, async () => {
    const { log, topicName, ...fixture } = await openWith(open)
    const topic = topicName('posts')
    await log.createTopic(topic, 1)
    let appended = 0
    return {
      source: log.source(topic),
      partition: '0',
      async append() {
        await append(log, topic, [`post ${appended++}`])
        const last = (await readPartition(log, topic, '0')).at(-1)
        if (last === undefined) throw new Error('nothing was appended')
        return last
      },
      ...fixture,
    }
  })

  sinkContract<NewRecord, number>(
    name,
    async () => {
      const { log, topicName, ...fixture } = await openWith(open)
      const topicOf = (partition: string) => topicName(`topic-${partition}`)
      // The refused item of the suite names its topic before there is a fixture.
      const itemOf = (partition: string, text: string): NewRecord => ({
        topic: `topic-${partition}`,
        key: null,
        value: Uint8Array.from(Buffer.from(text)),
      })
      for (const partition of ['0', '1']) await log.createTopic(topicOf(partition), 1)
      const sink = log.sink<number>('test')
      return {
        sink: {
          ...sink,
          async open(partition, stop) {
            const writer = await sink.open(partition, stop)
            return {
              checkpoint: () => writer.checkpoint(),
              write: (items, checkpoint) =>
                writer.write(
                  items.map((item) => ({ ...item, topic: topicName(item.topic) })),
                  checkpoint,
                ),
              [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
            }
          },
        },
        item: (partition, n) => itemOf(partition, `item ${n}`),
        position: (n) => n,
        rows: async (partition) =>
          (await readPartition(log, topicOf(partition), '0')).map(({ value }) =>
            itemOf(partition, Buffer.from(value).toString()),
          ),
        ...fixture,
      }
    },
    { refused: { topic: 'topic-0', key: null, value: Buffer.from('x'.repeat(1_048_577)) } },
  )
}

async function openWith(open: () => Promise<EventLogFixture>) {
  const fixture = await open()
  return {
    log: fixture.log,
    topicName: (name: string) => fixture.topicName(name),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  }
}

async function append(log: EventLog, topic: string, texts: readonly string[]): Promise<void> {
  const writer = await log.sink<number>('test').open('0', signal)
  const position = ((await writer.checkpoint())?.position ?? 0) + texts.length
  await writer.write(
    texts.map((text) => ({ topic, key: text, value: Buffer.from(text) })),
    { position, states: {} },
  )
}

async function readPartition(log: EventLog, topic: string, partition: string): Promise<LogRecord[]> {
  const reader = await log.source(topic, { untilEnd: true }).open(partition, undefined, signal)
  const records: LogRecord[] = []
  for (let items = await reader.next(100); items !== undefined; items = await reader.next(100)) records.push(...items)
  await reader[Symbol.asyncDispose]()
  return records
}
