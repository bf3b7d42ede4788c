/**
 * A child process of the log's tests: `node append-until-killed.js <folder> <producer> <records per write>`. Appends the
 * numbers that follow the producer's checkpoint, and prints the checkpoint after each acknowledged write.
 */
import { z } from 'zod'
import { DriftlineError } from '../../../core/errors.ts'
import { openLmdbLog } from '../../lmdb-log.ts'

const [folder, producer, perWrite] = z.tuple([z.string(), z.string(), z.coerce.number()]).parse(process.argv.slice(2))
process.on('SIGXFSZ', () => {}) // past `ulimit -f` a write then fails as it does on a full disk

const log = openLmdbLog(folder)
await log.createTopic('numbers', 3)
const writer = await log.sink<number>(producer).open('0', new AbortController().signal)
let next = (await writer.checkpoint())?.position ?? 0

for (let failed = false; !failed; ) {
  const numbers = Array.from({ length: perWrite }, (_, index) => `${producer}-${next + index}`)
  const records = numbers.map((text) => ({ topic: 'numbers', key: text, value: Buffer.from(text.padEnd(300, ' ')) }))
  try {
    await writer.write(records, { position: next + perWrite, states: {} })
    next += perWrite
    process.stdout.write(`${next}\n`)
  } catch (error) {
    if (!(error instanceof DriftlineError)) throw error
    failed = true
    process.stdout.write(`${error.code}\n`)
  }
}
await log[Symbol.asyncDispose]()
