import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { packageRoot } from '../core/package-root.ts'
import { inSharedMemory } from '../core/shared-memory.ts'
import { loadModelDirectory } from '../models/model-directory.ts'
import { createScorer } from './create-scorer.ts'
import { Crew } from './crew.ts'
import { Pool } from './pool.ts'
import type { WorkerInput } from './protocol.ts'
import type { Thread } from './thread.ts'

const crews: Crew[] = []
afterEach(async () => {
  for (const crew of crews.splice(0)) await crew[Symbol.asyncDispose]()
})
function crewOf(mostResting: number): Crew {
  const crew = new Crew(mostResting)
  crews.push(crew)
  return crew
}

const directoryOf = (name: string) => loadModelDirectory(join(packageRoot, 'test/fixtures/models', name))

async function inputOf(name: string): Promise<WorkerInput> {
  const { onnx, files, tokenizerConfig, labels } = await directoryOf(name)
  const shared = (content: Uint8Array = new Uint8Array(0)) => inSharedMemory(content)
  return {
    graphs: new Map([['cpu', { file: 'model.onnx', onnx: shared(onnx) }]]),
    tokenizer: shared(files.get('tokenizer.json')),
    tokenizerKey: name,
    tokenizerConfig,
    normaliser: 'social-1',
    maxTokens: 32,
    classes: labels.length,
    batchTokens: 512,
    device: 'cpu',
  }
}

const open = async (crew: Crew, name: string, workers: number) =>
  createScorer({ directory: await directoryOf(name), device: 'cpu', workers, batchTokens: 512, log: silentLog, crew })

test('a real thread that dies of an error in it is replaced, and the call is answered', async () => {
  const start = crewOf(0).starter(await inputOf('bag'))
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

test.each(['stop', 'release'] as const)(
  'a thread of a crew that keeps none is gone soon after %s, and its exit is told once',
  async (how) => {
    const start = crewOf(0).starter(await inputOf('encoder'))
    const exits: string[] = []
    const exited = new Promise<void>((resolve) => {
      const thread = start({
        onMessage: ({ kind }) => kind === 'ready' && thread[how](),
        onExit: (reason) => {
          exits.push(reason)
          resolve()
        },
      })
    })
    await exited
    expect(exits).toEqual(['the thread ended with code 0'])
  },
)

test('threads that have let go of a model score with the next, and only so many rest', async () => {
  const crew = crewOf(2)
  const alone = await open(crewOf(0), 'encoder', 1)
  const texts = ['good', 'bad day', '']
  const expected = await alone.score(texts)
  await alone[Symbol.asyncDispose]()
  const first = await open(crew, 'bag', 3)
  expect(crew.resting).toBe(0)
  await first[Symbol.asyncDispose]()
  expect(crew.resting).toBe(2)
  const second = await open(crew, 'encoder', 2)
  expect(crew.resting).toBe(0)
  const probabilities = (results: typeof expected) => results.map((result) => 'label' in result && result.probabilities)
  expect(probabilities(await second.score(texts))).toEqual(probabilities(expected))
  await second[Symbol.asyncDispose]()
})

test('a thread that rests keeps its tokenizer, for a model that has the same', async () => {
  const crew = crewOf(1)
  const input = await inputOf('bag')
  const scoreOnce = async (given: WorkerInput) => {
    const pool = new Pool({
      start: crew.starter(given),
      labels: ['negative', 'neutral', 'positive'],
      timeLimitMs: 60_000,
      clock: systemClock,
      log: silentLog,
    })
    try {
      await pool.grow()
      return await pool.score(['good', 'bad day'])
    } finally {
      await pool.close(new Error('done'))
    }
  }
  const scores = await scoreOnce(input)
  const unreadable = new SharedArrayBuffer(4)
  expect(await scoreOnce({ ...input, tokenizer: unreadable })).toEqual(
    scores.map((score) => ({ ...score, inferenceUs: expect.any(Number) })),
  )
  expect(crew.resting).toBe(1)
  await expect(scoreOnce({ ...input, tokenizer: unreadable, tokenizerKey: 'another' })).rejects.toThrow()
})

test('what a thread had not scored when it was let go is not told to its next model', async () => {
  const crew = crewOf(1)
  const first = await open(crew, 'encoder', 1)
  const dropped = expect(first.score(Array.from({ length: 3000 }, () => 'good'))).rejects.toThrow('closed')
  await first[Symbol.asyncDispose]()
  await dropped
  expect(crew.resting).toBe(1)
  const second = await open(crew, 'bag', 1)
  expect(await second.score(['good', 'bad'])).toHaveLength(2)
  await second[Symbol.asyncDispose]()
})

test('a scorer gets more threads while it scores, and never fewer', async () => {
  const scorer = await open(crewOf(0), 'bag', 1)
  const scoring = scorer.score(Array.from({ length: 500 }, (_, index) => `good ${index}`))
  await Promise.all([scorer.grow(3), scorer.grow(2)])
  expect(scorer.workers).toBe(3)
  expect(await scoring).toHaveLength(500)
  await scorer[Symbol.asyncDispose]()
  await expect(scorer.grow(4)).rejects.toThrow('closed')
})

test('a thread that could not load a model does not rest', async () => {
  const crew = crewOf(1)
  await expect(open(crew, 'external', 1)).rejects.toMatchObject({ code: 'MODEL_INVALID' })
  expect(crew.resting).toBe(0)
})

test('the threads that rest end with their crew, and those that come back later do not rest', async () => {
  const crew = crewOf(3)
  const [one, two] = [await open(crew, 'bag', 1), await open(crew, 'bag', 1)]
  await one[Symbol.asyncDispose]()
  await crew[Symbol.asyncDispose]()
  await two[Symbol.asyncDispose]()
  expect(crew.resting).toBe(0)
})
