import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectStore } from '../../clickhouse/client.ts'
import { insertGuarded } from '../../clickhouse/insert-guarded.ts'
import { scoreRows } from '../../clickhouse/testing/score-rows.ts'
import { testStore } from '../../clickhouse/testing/test-store.ts'
import type { EventLog, LogRecord } from '../../connectors/event-log.ts'
import { brokersOf } from '../../connectors/kafka/brokers.ts'
import { type Compression, compressions } from '../../connectors/kafka/compression.ts'
import { type KafkaLogOptions, openKafkaLog } from '../../connectors/kafka-log.ts'
import { silentLog } from '../../core/log.ts'
import { verify } from '../../jobs/score/verify.ts'
import { classpath, whyNoKafka } from './classpath.ts'
import { credentials, KafkaCluster } from './cluster.ts'

const missing = whyNoKafka()
const { signal } = new AbortController()

async function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  const source = log.source(topic, { untilEnd: true })
  for await (const partitions of source.assignments(signal)) {
    for (const partition of partitions) {
      const reader = await source.open(partition, undefined, signal)
      for (let items = await reader.next(500); items !== undefined; items = await reader.next(500))
        records.push(...items)
      await reader[Symbol.asyncDispose]()
    }
  }
  return records
}

describe.skipIf(missing !== undefined)(
  `topics that others write, and brokers that ask who we are ${missing ?? ''}`,
  () => {
    let cluster: KafkaCluster
    let written: [string | null, number][]
    const logs: EventLog[] = []
    const open = (options: Partial<KafkaLogOptions>) => {
      const log = openKafkaLog({ brokers: brokersOf(cluster.addresses()), replication: 1, ...options })
      logs.push(log)
      return log
    }
    beforeAll(async () => {
      cluster = await KafkaCluster.start({
        version: '4.1.1',
        secured: true,
        properties: { 'log.cleaner.backoff.ms': '100' },
      })
      await open({}).createTopic('foreign', 1)
      written = await javaProducer(cluster, 'foreign')
    })
    afterAll(async () => {
      for (const log of logs) await log[Symbol.asyncDispose]()
      await cluster?.[Symbol.asyncDispose]()
    })

    test('what Java writes in any compression is read to the end: empty values, headers, 1 MB records, garbage, transactions taken back', async () => {
      const records = await readAll(open({}), 'foreign')
      const read = records.map(({ key, value }) => [key, value.length])
      expect(read).toEqual(written)
      expect(read).toHaveLength(5 * 104 + 1)
    })

    test('offsets of transactions hold no post: verify tells them from one that was not scored', async () => {
      const log = open({})
      const id = (await log.topic('foreign'))?.id ?? ''
      const offsets = (await readAll(log, 'foreign')).map(({ offset }) => offset)
      await using store = await testStore('driftline_foreign')
      const client = store.client({ database: 'driftline_foreign' })
      await (await connectStore(store.config, { signal, log: silentLog })).close()
      const check = () => verify(log, client, [{ topic: 'foreign', positionsIn: 'scores' }], signal)
      const origin = { topic: 'foreign', topicId: id, partition: 0 }
      const rows = offsets.flatMap((offset) => scoreRows(offset, 1, 0, { topic: 'foreign', topic_id: id }))

      const unscored = 300
      await insertGuarded(
        client,
        'scores',
        origin,
        rows.filter(({ offset }) => offset !== unscored),
      )
      const finding = { kind: 'gap', topic: 'foreign', partition: 0, from: unscored, to: unscored }
      expect(await check()).toMatchObject({ ok: false, gaps: 1, findings: [finding] })

      const why = {
        dead_at: 0,
        stage: 'score',
        code: 'POST_INVALID',
        reason: '',
        origin: '',
        raw_base64: '',
        raw_bytes: 0,
      }
      const place = { topic: 'foreign', topic_id: id, partition: 0, offset: unscored }
      await insertGuarded(client, 'dead_posts', origin, [{ ...why, ...place }])
      // Ten records and a marker before the last one, and the marker behind it, which nobody has read yet.
      const whole = { ok: true, gaps: 0, scored: offsets.length - 1, dead: 1, waiting: 1, appended: offsets.length + 1 }
      expect(await check()).toMatchObject({ ...whole, findings: [] })
    })

    test('what compaction removed are holes', async () => {
      const configs = ['cleanup.policy=compact', 'segment.ms=100', 'min.cleanable.dirty.ratio=0.01']
      await cluster.tool('org.apache.kafka.tools.TopicCommand', [
        ...['--create', '--topic', 'compacted', '--partitions', '1', '--replication-factor', '1'],
        ...configs.flatMap((config) => ['--config', config]),
      ])
      const log = open({})
      const writer = await log.sink<number>('compacted').open('0', signal)
      let position = 0
      // Only segments that are not written to any more are compacted, so it takes another write until one is.
      const compacted = async () => {
        const values = Array.from({ length: 10 }, (_, n) => `${position++} ${n}`)
        const records = values.map((value) => ({ topic: 'compacted', key: 'a', value: Buffer.from(value) }))
        await writer.write(records, { position, states: {} })
        const [range] = await log.ranges('compacted')
        const [from, to] = [range?.start ?? 0, range?.end ?? 0]
        const holes: number[] = []
        for await (const hole of log.holes('compacted', { partition: 0, from, to }, signal)) {
          for (let offset = hole.from; offset < hole.to; offset++) holes.push(offset)
        }
        const held = (await readAll(log, 'compacted')).map(({ offset }) => offset)
        const all = Array.from({ length: to - from }, (_, index) => from + index)
        return (
          holes.length > 0 &&
          isDeepStrictEqual(
            [...holes, ...held].toSorted((a, b) => a - b),
            all,
          )
        )
      }
      await expect.poll(compacted, { interval: 200 }).toBe(true)
    })

    test.each(compressions.filter((name) => name !== 'zstd'))(
      'what we write in %s, Kafka can read',
      async (compression: Compression) => {
        const log = open({ compression })
        const topic = `ours-${compression}`
        await log.createTopic(topic, 1)
        const writer = await log.sink<number>(compression).open('0', signal)
        const values = Array.from({ length: 500 }, (_, n) => `${n} ${'word '.repeat(40)}`)
        await writer.write(
          values.map((value) => ({ topic, key: 'a', value: Buffer.from(value) })),
          { position: 1, states: {} },
        )
        const printed = await cluster.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
          ...['--topic', topic, '--from-beginning', '--max-messages', '500', '--timeout-ms', '120000'],
        ])
        expect(
          printed
            .trimEnd()
            .split('\n')
            .map((line) => line.trim()),
        ).toEqual(values.map((value) => value.trim()))
      },
    )

    test.each([
      ['tls', undefined],
      ['sasl', 'plain'],
      ['saslTls', 'scram-sha-256'],
      ['saslTls', 'scram-sha-512'],
    ] as const)('over %s as %s', async (listener, mechanism) => {
      const tls = listener === 'sasl' ? undefined : { ca: readFileSync(cluster.caFile, 'utf8') }
      const sasl = mechanism && { mechanism, ...credentials }
      const brokers = brokersOf(cluster.addresses(listener))
      const log = open({ brokers, tls, sasl, prefix: randomUUID() })
      const topic = `secured-${randomUUID()}`
      await log.createTopic(topic, 1)
      const writer = await log.sink<number>('test').open('0', signal)
      await writer.write([{ topic, key: null, value: Buffer.from('hello') }], { position: 1, states: {} })
      expect((await readAll(log, topic)).map(({ value }) => value.toString())).toEqual(['hello'])
    })

    test('a wrong password is told as such', async () => {
      const sasl = { mechanism: 'scram-sha-256', username: credentials.username, password: 'wrong' } as const
      const log = open({ brokers: brokersOf(cluster.addresses('sasl')), sasl })
      await expect(log.topics()).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' })
      await expect(log.topics()).rejects.toThrow(/authentication failed/i)
    })
  },
)

/** Writes with Kafka's own producer and says what: key and size of the value of each record, without what was taken back. */
async function javaProducer(cluster: KafkaCluster, topic: string): Promise<[string | null, number][]> {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-java-'))
  const file = join(folder, 'Foreign.java')
  await writeFile(
    file,
    `
import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;
public class Foreign {
  public static void main(String[] args) throws Exception {
    List<String> written = new ArrayList<>();
    Random random = new Random(1);
    for (String compression : new String[] {"none", "gzip", "snappy", "lz4", "zstd"}) {
      Properties p = new Properties();
      p.put("bootstrap.servers", args[0]);
      p.put("compression.type", compression);
      p.put("max.request.size", "2000000");
      p.put("linger.ms", "20");
      try (KafkaProducer<String, byte[]> producer = new KafkaProducer<>(p, new StringSerializer(), new ByteArraySerializer())) {
        for (int n = 0; n < 100; n++) {
          byte[] value = ("{\\"id\\":\\"" + n + "\\",\\"text\\":\\"a post of some words\\"}").getBytes();
          ProducerRecord<String, byte[]> record = new ProducerRecord<>(args[1], "key " + n, value);
          record.headers().add("trace", ("t" + n).getBytes());
          producer.send(record);
          written.add("key " + n + "\\t" + value.length);
        }
        producer.send(new ProducerRecord<>(args[1], "gone", null));
        written.add("gone\\t0");
        byte[] large = new byte[1000000];
        random.nextBytes(large);
        producer.send(new ProducerRecord<>(args[1], null, large)).get();
        written.add("-\\t1000000");
        byte[] garbage = new byte[77];
        random.nextBytes(garbage);
        producer.send(new ProducerRecord<>(args[1], "garbage", garbage));
        written.add("garbage\\t77");
        producer.send(new ProducerRecord<>(args[1], "empty", new byte[0])).get();
        written.add("empty\\t0");
      }
    }
    Properties p = new Properties();
    p.put("bootstrap.servers", args[0]);
    p.put("transactional.id", "foreign");
    try (KafkaProducer<String, byte[]> producer = new KafkaProducer<>(p, new StringSerializer(), new ByteArraySerializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      for (int n = 0; n < 10; n++) producer.send(new ProducerRecord<>(args[1], "taken back", new byte[10]));
      producer.flush();
      producer.abortTransaction();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(args[1], "kept", new byte[5]));
      producer.commitTransaction();
      written.add("kept\\t5");
    }
    for (String line : written) System.out.println("W " + line);
  }
}
`,
  )
  const { stdout } = await promisify(execFile)('java', [
    '-cp',
    await classpath(cluster.version),
    file,
    cluster.addresses(),
    topic,
  ])
  await rm(folder, { recursive: true })
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('W '))
    .map((line) => {
      const [key = '', size = ''] = line.slice(2).split('\t')
      return [key === '-' ? null : key, Number(size)]
    })
}
