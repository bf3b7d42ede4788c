import { expect, test } from 'vitest'
import { memoryCheckpoints, withCheckpoints } from './checkpoints.ts'
import { flow } from './flow.ts'
import { run } from './run.ts'
import { scripted } from './testing/scripted-source.ts'
import { sinkContract } from './testing/sink-contract.ts'

sinkContract('sink with checkpoints beside it', async () => {
  const written = new Map<string, string[]>()
  return {
    sink: withCheckpoints<string, number>(
      'lines',
      async (items, partition) => void written.set(partition, [...(written.get(partition) ?? []), ...items]),
      memoryCheckpoints(),
    ),
    item: (partition, n) => `${partition}/${n}`,
    position: (n) => n,
    rows: async (partition) => written.get(partition) ?? [],
    async [Symbol.asyncDispose]() {},
  }
})

test('a crash between the items and their checkpoint repeats the items', async () => {
  const written: number[] = []
  const checkpoints = memoryCheckpoints<number>()
  let saves = 0
  const sink = withCheckpoints<number, number>('list', async (items) => void written.push(...items), {
    ...checkpoints,
    async save(partition, checkpoint) {
      if (++saves === 2) throw new Error('crash')
      await checkpoints.save(partition, checkpoint)
    },
  })
  const copy = flow('copy')
    .from('in', scripted({ a: [1, 2, 3] }), { maxItems: 1 })
    .to('out', sink, { maxWriteItems: 1 })
  await expect(run(copy).done).rejects.toThrow('crash')
  await run(copy).done
  expect(written).toEqual([1, 2, 2, 3])
})
