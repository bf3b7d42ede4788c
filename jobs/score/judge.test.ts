import { expect, test } from 'vitest'
import { judge } from './judge.ts'

/** What a table holds of a partition: the offsets of its rows, scored and dead. */
function held(scored: readonly number[], dead: readonly number[] = []) {
  const all = [...scored, ...dead]
  const position = scored.length === 0 ? 0 : Math.max(...scored) + 1
  return {
    topic_id: 'T',
    partition: 3,
    rows: all.length,
    offsets: new Set(all).size,
    ahead: new Set(dead.filter((offset) => offset >= position)).size,
    first_offset: Math.min(...all),
    position,
    dead_rows: dead.length,
  }
}

const range = (start: number, end: number) => ({ partition: 3, start, end })
const right = { gaps: 0, duplicates: 0, missing: [] }

test.each([
  ['an empty log and an empty table', range(0, 0), undefined, { ...right, appended: 0, waiting: 0 }],
  ['nothing scored yet', range(0, 9), undefined, { ...right, appended: 9, waiting: 9, scored: 0 }],
  ['nothing scored yet of a trimmed log', range(5, 9), undefined, { ...right, appended: 4, waiting: 4 }],
  ['all scored', range(0, 3), held([0, 1, 2]), { ...right, appended: 3, scored: 3, waiting: 0 }],
  ['some dead', range(0, 4), held([0, 2, 3], [1]), { ...right, scored: 3, dead: 1, waiting: 0 }],
  ['the rest waits', range(0, 5), held([0, 1]), { ...right, scored: 2, waiting: 3 }],
  [
    'dead posts of a batch whose scores come next',
    range(0, 9),
    held([0, 1], [4, 6]),
    { ...right, dead: 2, waiting: 5 },
  ],
  ['only dead posts so far', range(0, 3), held([], [0, 2]), { ...right, scored: 0, dead: 2, waiting: 1 }],
  ['retention took what was scored', range(2, 4), held([0, 1, 2, 3]), { ...right, appended: 4, waiting: 0 }],
  ['retention took all', range(4, 4), held([0, 1, 2, 3]), { ...right, appended: 4, waiting: 0 }],
  ['a table that begins with the trimmed log', range(2, 4), held([2, 3]), { ...right, appended: 2 }],
  ['a gap in the middle', range(0, 5), held([0, 1, 4]), { gaps: 2, duplicates: 0, missing: [] }],
  ['a gap at the beginning', range(0, 5), held([2, 3, 4]), { gaps: 2, missing: [{ from: 0, to: 1 }] }],
  [
    'a gap before dead posts alone',
    range(0, 9),
    held([5], [8]),
    { gaps: 5, missing: [{ from: 0, to: 4 }], waiting: 2 },
  ],
  [
    'retention took what was not scored yet',
    range(6, 8),
    held([0, 1, 2]),
    { gaps: 3, missing: [{ from: 3, to: 5 }], waiting: 2, appended: 8 },
  ],
  ['a row that stands twice', range(0, 3), held([0, 1, 1, 2]), { ...right, scored: 4, duplicates: 1 }],
  ['a row that is scored and dead', range(0, 3), held([0, 1, 2], [1]), { ...right, duplicates: 1 }],
  ['a gap and a double, which do not make up for each other', range(0, 3), held([0, 0, 2]), { gaps: 1, duplicates: 1 }],
  ['a log that ends before the position', range(0, 2), held([0, 1, 2, 3]), { beyond: { end: 2, position: 4 } }],
] as const)('%s', (_, log, row, verdict) => {
  expect(judge(log, row)).toMatchObject({ partition: 3, ...verdict })
  if (!('beyond' in verdict)) expect(judge(log, row)).not.toHaveProperty('beyond')
})
