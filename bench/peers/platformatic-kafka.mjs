// node platformatic-kafka.mjs <folder> <brokers> <topic> <records> <values.json>
// Writes and reads with the @platformatic/kafka of <folder>/node_modules; prints the seconds that each took.
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder = '', brokers = '', topic = '', records = '', valuesFile = ''] = process.argv.slice(2)
const path = createRequire(join(folder, 'package.json')).resolve('@platformatic/kafka')
const { Consumer, Producer, stringSerializers } = await import(pathToFileURL(path).href)
const values = JSON.parse(readFileSync(valuesFile, 'utf8'))
const count = Number(records)
const base = { clientId: 'bench', bootstrapBrokers: brokers.split(',') }
const recordsPerSend = 8192

async function produce() {
  const options = { idempotent: true, acks: -1, compression: 'lz4', serializers: stringSerializers }
  const producer = new Producer({ ...base, ...options })
  for (let sent = 0; sent < count; sent += recordsPerSend) {
    const messages = Array.from({ length: Math.min(recordsPerSend, count - sent) }, (_, index) => ({
      topic,
      key: `post-${sent + index}`,
      value: values[(sent + index) % values.length],
    }))
    await producer.send({ messages })
  }
  await producer.close()
}

async function consume() {
  const consumer = new Consumer({ ...base, groupId: randomUUID() })
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, maxWaitTime: 100 })
  let read = 0
  await new Promise((resolve, reject) => {
    stream.on('error', reject)
    stream.on('data', () => {
      if (++read === count) resolve()
    })
  })
  await consumer.close(true)
}

async function timed(work) {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}

const produceSeconds = await timed(produce)
const consumeSeconds = await timed(consume)
process.stdout.write(`${JSON.stringify({ node: process.version, produceSeconds, consumeSeconds })}\n`)
