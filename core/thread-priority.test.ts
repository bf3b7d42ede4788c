import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { builtModule } from './package-root.ts'
import { canRaisePriority, hasThreadPriorities } from './thread-priority.ts'

const niceness = (): number => Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ')[16])

/** What a thread saw of its niceness after each call, in a thread that ends with the test. */
async function inThread(calls: readonly boolean[]): Promise<readonly number[]> {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { readFileSync } = require('node:fs')
    const niceness = () => Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ')[16])
    import(workerData.module).then(({ setThreadPriority }) => {
      parentPort.postMessage(workerData.calls.map((low) => { setThreadPriority(low); return niceness() }))
    })`
  const module = pathToFileURL(builtModule(import.meta.url, './thread-priority')).href
  const worker = new Worker(script, { eval: true, workerData: { calls, module } })
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

test.runIf(hasThreadPriorities)(
  'a thread lowers its own priority alone, and raises it where that is allowed',
  async () => {
    const before = niceness()
    const low = Math.min(19, before + 10)
    expect(await inThread([true, false])).toEqual([low, canRaisePriority() ? before : low])
    expect(niceness()).toBe(before)
  },
)
