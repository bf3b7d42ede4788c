import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { packageRoot } from '../core/package-root.ts'
import { loadModelDirectory } from '../models/model-directory.ts'
import { Pool } from './pool.ts'
import type { WorkerInput } from './protocol.ts'
import { startThreads, type Thread } from './thread.ts'

async function inputOf(name: string): Promise<WorkerInput> {
  const { onnx, tokenizer, tokenizerConfig, labels } = await loadModelDirectory(
    join(packageRoot, 'test/fixtures/models', name),
  )
  const shared = new SharedArrayBuffer(onnx.byteLength)
  new Uint8Array(shared).set(onnx)
  return {
    graphs: new Map([['cpu', { file: 'model.onnx', onnx: shared }]]),
    tokenizer,
    tokenizerConfig,
    normaliser: 'social-1',
    maxTokens: 32,
    classes: labels.length,
    batchTokens: 512,
    device: 'cpu',
  }
}

test('a real thread that dies of an error in it is replaced, and the call is answered', async () => {
  const start = startThreads(await inputOf('bag'))
  const threads: Thread[] = []
  const pool = new Pool({
    start: (listener) => {
      const thread = start(listener)
      threads.push(thread)
      return thread
    },
    labels: ['negative', 'neutral', 'positive'],
    timeLimitMs: 60_000,
    clock: systemClock,
    log: silentLog,
  })
  await Promise.all([pool.grow(), pool.grow()])
  // What no thread is prepared for: it throws outside everything that catches.
  for (const thread of threads) Reflect.apply(thread.score, thread, [null])
  const results = await pool.score(Array.from({ length: 100 }, (_, index) => `good ${index}`))
  expect(results.every((result) => 'label' in result)).toBe(true)
  expect(threads.length).toBeGreaterThan(2)
  await pool.close(new Error('done'))
})

test('a thread is gone soon after it was asked to close, and its exit is told once', async () => {
  const start = startThreads(await inputOf('encoder'))
  const exits: string[] = []
  const exited = new Promise<void>((resolve) => {
    const thread = start({
      onMessage: ({ kind }) => kind === 'ready' && thread.stop(),
      onExit: (reason) => {
        exits.push(reason)
        resolve()
      },
    })
  })
  await exited
  expect(exits).toEqual(['the thread ended with code 0'])
})
