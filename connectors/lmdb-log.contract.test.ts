import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sinkContract } from '../dataflow/testing/sink-contract.ts'
import { liveSourceContract, sourceContract } from '../dataflow/testing/source-contract.ts'
import type { LogRecord, NewRecord } from './event-log.ts'
import { type LmdbLog, openLmdbLog } from './lmdb-log.ts'

const { signal } = new AbortController()

async function openLog(): Promise<{ log: LmdbLog } & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), 'driftline-log-'))
  const log = openLmdbLog(folder)
  return {
    log,
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function append(log: LmdbLog, texts: readonly string[]): Promise<void> {
  const writer = await log.sink<number>('test').open('0', signal)
  const position = ((await writer.checkpoint())?.position ?? 0) + texts.length
  await writer.write(
    texts.map((text) => ({ topic: 'posts', key: text, value: Buffer.from(text) })),
    { position, states: {} },
  )
}

async function readPartition(log: LmdbLog, partition: string, topic = 'posts'): Promise<LogRecord[]> {
  const reader = await log.source(topic, { untilEnd: true }).open(partition, undefined, signal)
  const records: LogRecord[] = []
  for (let items = await reader.next(100); items !== undefined; items = await reader.next(100)) records.push(...items)
  return records
}

sourceContract('embedded log', async () => {
  const { log, [Symbol.asyncDispose]: close } = await openLog()
  await log.createTopic('posts', 3)
  const texts = Array.from({ length: 24 }, (_, number) => `post ${number}`)
  for (let from = 0; from < texts.length; from += 5) await append(log, texts.slice(from, from + 5))
  const held = new Map<string, readonly LogRecord[]>()
  for (const partition of ['0', '1', '2']) held.set(partition, await readPartition(log, partition))
  return { source: log.source('posts', { untilEnd: true }), held, [Symbol.asyncDispose]: close }
})

liveSourceContract('embedded log', async () => {
  const { log, [Symbol.asyncDispose]: close } = await openLog()
  await log.createTopic('posts', 1)
  let appended = 0
  return {
    source: log.source('posts'),
    partition: '0',
    async append() {
      await append(log, [`post ${appended++}`])
      const last = (await readPartition(log, '0')).at(-1)
      if (last === undefined) throw new Error('nothing was appended')
      return last
    },
    [Symbol.asyncDispose]: close,
  }
})

const itemOf = (partition: string, text: string): NewRecord => ({
  topic: `topic-${partition}`,
  key: null,
  value: Uint8Array.from(Buffer.from(text)),
})

sinkContract(
  'embedded log',
  async () => {
    const { log, [Symbol.asyncDispose]: close } = await openLog()
    for (const partition of ['0', '1']) await log.createTopic(`topic-${partition}`, 1)
    return {
      sink: log.sink<number>('test'),
      item: (partition, n) => itemOf(partition, `item ${n}`),
      position: (n) => n,
      rows: async (partition) =>
        (await readPartition(log, '0', `topic-${partition}`)).map(({ value }) =>
          itemOf(partition, Buffer.from(value).toString()),
        ),
      [Symbol.asyncDispose]: close,
    }
  },
  { refused: itemOf('0', 'x'.repeat(1_048_577)) },
)
