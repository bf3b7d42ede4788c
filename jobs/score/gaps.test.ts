import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Stretch } from '../../connectors/event-log.ts'
import { without } from './gaps.ts'

/** Stretches of the offsets, joined where they touch or not: both are ways to say the same. */
const stretchesOf = (offsets: Iterable<number>, join: boolean): Stretch[] => {
  const stretches: Stretch[] = []
  for (const from of offsets) {
    const last = stretches.at(-1)
    if (join && last?.to === from) stretches[stretches.length - 1] = { ...last, to: from + 1 }
    else stretches.push({ partition: 0, from, to: from + 1 })
  }
  return stretches
}

const offsetsOf = async (stretches: AsyncIterable<Stretch>): Promise<number[]> => {
  const offsets: number[] = []
  for await (const { from, to } of stretches) for (let offset = from; offset < to; offset++) offsets.push(offset)
  return offsets
}

const sortedOffsets = fc.uniqueArray(fc.nat(30)).map((offsets) => offsets.sort((a, b) => a - b))

test('what is left of missing offsets are those that are no holes, in order', () =>
  fc.assert(
    fc.asyncProperty(sortedOffsets, sortedOffsets, fc.boolean(), fc.boolean(), async (missing, holes, one, other) => {
      const left = await offsetsOf(without(stretchesOf(missing, one), stretchesOf(holes, other)))
      expect(left).toEqual(missing.filter((offset) => !holes.includes(offset)))
    }),
  ))
