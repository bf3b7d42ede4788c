import { arraySink } from './array-sink.ts'
import { PAUSE, scripted } from './scripted-source.ts'
import { sinkContract } from './sink-contract.ts'
import { liveSourceContract, sourceContract } from './source-contract.ts'

sourceContract('scripted source', async () => ({
  source: scripted<number>({ a: [1, 2, PAUSE, 3, 4, 5, 6], b: [], c: [7, PAUSE] }),
  held: new Map([
    ['a', [1, 2, 3, 4, 5, 6]],
    ['b', []],
    ['c', [7]],
  ]),
  async [Symbol.asyncDispose]() {},
}))

liveSourceContract('scripted source', async () => {
  const source = scripted<number>({ a: [] }, { endless: true })
  let appended = 0
  return {
    source,
    partition: 'a',
    async append() {
      source.append('a', ++appended)
      return appended
    },
    async [Symbol.asyncDispose]() {},
  }
})

sinkContract('array sink', async () => {
  const sink = arraySink<string>()
  return {
    sink,
    item: (partition, n) => `${partition}/${n}`,
    position: (n) => n,
    rows: async (partition) => [...sink.rows(partition)],
    async [Symbol.asyncDispose]() {},
  }
})
