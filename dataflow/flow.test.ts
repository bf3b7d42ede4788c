import { expect, test } from 'vitest'
import { flow } from './flow.ts'
import { toMermaid } from './mermaid.ts'
import { microBatch } from './operators/micro-batch.ts'
import { map } from './operators/stateless.ts'
import { arraySink } from './testing/array-sink.ts'
import { scripted } from './testing/scripted-source.ts'

const numbers = scripted<number>({ a: [] })

test('a flow is drawn step by step, with what does the work', () => {
  const work = flow('work "all"')
    .from('numbers', numbers, { maxItems: 64 })
    .through('batch', microBatch<number>({ maxItems: 2, maxWaitMs: 5 }))
    .throughAsync('sum', async (batches) => batches.map((batch) => batch.length), { concurrency: 4 })
    .to('<rows>', arraySink<number>(), { maxWriteItems: 500 })
  expect(toMermaid(work)).toBe(`---
title: "work \\"all\\""
---
flowchart LR
  s0[("numbers<br/>scripted, ≤ 64 items or 20 ms")]
  s1["batch<br/>micro-batch"]
  s2[["sum<br/>≤ 4 at a time"]]
  s3[("#lt;rows#gt;<br/>array, effectively-once, ≤ 500 items")]
  s0 --> s1
  s1 --> s2
  s2 --> s3
`)
})

test('two steps of one name are refused, since checkpoints are filed under names', () => {
  const same = map((item: number) => item)
  const chain = flow('work').from('numbers', numbers).through('same', same)
  expect(() => chain.through('same', same)).toThrow("flow 'work' has two steps named 'same'")
  expect(() => chain.to('numbers', arraySink<number>())).toThrow("flow 'work' has two steps named 'numbers'")
})

test('limits that could never be met are refused', () => {
  const from = flow('work').from('numbers', numbers)
  expect(() => flow('work').from('numbers', numbers, { maxItems: 0 })).toThrow('maxItems must be at least 1, not 0')
  expect(() => flow('work').from('numbers', numbers, { maxWaitMs: Number.NaN })).toThrow('maxWaitMs')
  expect(() => from.throughAsync('call', async (items) => items, { concurrency: 0 })).toThrow('concurrency')
  expect(() => from.to('out', arraySink<number>(), { maxWriteItems: 0 })).toThrow('maxWriteItems')
})

test('a step that does not fit what comes before it does not compile', () => {
  const chain = flow('work').from('numbers', numbers)
  const length = map((item: string) => item.length)
  // @ts-expect-error the operator takes strings, the source gives numbers
  chain.through('length', length)
  // @ts-expect-error the sink takes strings
  chain.to('out', arraySink<string>())
  // @ts-expect-error the sink keeps positions of another source
  chain.to('out', arraySink<number, string>())
  expect(chain.through('length', map(String)).through('text', length)).toBeDefined()
})
