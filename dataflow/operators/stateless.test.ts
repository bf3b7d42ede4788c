import { expect, test } from 'vitest'
import { flow } from '../flow.ts'
import { run } from '../run.ts'
import { arraySink } from '../testing/array-sink.ts'
import { scripted } from '../testing/scripted-source.ts'
import { filter, flatMap, map } from './stateless.ts'

test('stateless operators work item by item and leave nothing in the checkpoint', async () => {
  const sink = arraySink<string>()
  const words = flow('words')
    .from('in', scripted<number>({ a: [1, 2, 3, 4] }), { maxItems: 3 })
    .through(
      'odd',
      filter((n) => n % 2 === 1),
    )
    .through(
      'twice',
      flatMap((n) => [n, n]),
    )
    .through(
      'text',
      map((n) => `n${n}`),
    )
    .to('out', sink)
  await run(words).done
  expect(sink.rows('a')).toEqual(['n1', 'n1', 'n3', 'n3'])
  expect(sink.checkpoint('a')).toEqual({ position: 4, states: {} })
})
