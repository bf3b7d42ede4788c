import { gzipSync } from 'node:zlib'
import { type BadRow, badCsvRows, badJsonRows } from './bad-rows.ts'

/** A file with good rows between all kinds of bad ones, and what must become of it. */
export interface BadFile {
  readonly name: string
  readonly bytes: Buffer
  /** Ids of the posts in it, in order. */
  readonly good: readonly string[]
  /** What is bad in it, in order. */
  readonly bad: readonly Pick<BadRow, 'kind' | 'reason'>[]
}

const newline = Buffer.from('\n')
const goodPost = (id: string) => ({
  id,
  text: `good post ${id} between bad ones 🙂`,
  createdAt: '2024-05-01T12:00:00Z',
})

/** Files with at least 60 kinds of bad rows: JSON Lines, CSV and a .gz that is cut off. `round` makes the ids differ. */
export const badFiles = (round = 0): readonly BadFile[] => [
  jsonLines(round),
  csv(round),
  repeated(round),
  cutOff(round),
]

function jsonLines(round: number): BadFile {
  const good: string[] = []
  const lines = badJsonRows.flatMap(({ bytes }, index) => {
    const id = `json-${round}-${index}`
    good.push(id)
    const ending = index % 3 === 0 ? Buffer.from('\r\n\r\n') : newline // some with blank lines and carriage returns
    return [Buffer.from(JSON.stringify(goodPost(id))), ending, bytes, newline]
  })
  const last = `json-${round}-last`
  const bytes = Buffer.concat([Buffer.from('\ufeff'), ...lines, Buffer.from(JSON.stringify(goodPost(last)))])
  return { name: `bad-${round}.jsonl`, bytes, good: [...good, last], bad: badJsonRows }
}

function csv(round: number): BadFile {
  const good: string[] = []
  const line = (id: string): Buffer => {
    good.push(id)
    return Buffer.from(
      `${id},"good, ""quoted"" and ${id.length % 2 === 0 ? 'on\r\ntwo lines' : 'on one'}",2024-05-01T12:00:00Z\n`,
    )
  }
  const lines = badCsvRows.flatMap(({ bytes }, index) => [line(`csv-${round}-${index}`), bytes, newline])
  const bytes = Buffer.concat([Buffer.from('id,text,createdAt\n'), ...lines, line(`csv-${round}-last`)])
  return { name: `bad-${round}.csv`, bytes, good, bad: badCsvRows }
}

function repeated(round: number): BadFile {
  const [one, two] = [`twice-${round}`, `once-${round}`]
  const rows = [goodPost(one), goodPost(two), goodPost(one), { ...goodPost(one), text: 'another text' }]
  const bytes = Buffer.from(`${rows.map((post) => JSON.stringify(post)).join('\n')}\n`)
  const bad = [
    { kind: 'an id again', reason: /^repeated id, already seen at line 1$/ },
    { kind: 'an id again with another text', reason: /^repeated id, already seen at line 3$/ },
  ]
  return { name: `repeated-${round}.jsonl`, bytes, good: [one, two], bad }
}

/** Cut off between two rows is impossible to aim at in gzip: the file ends in a stored, incomplete half of its last row. */
function cutOff(round: number): BadFile {
  const good = Array.from({ length: 200 }, (_, index) => `gz-${round}-${index}`)
  const rows = [...good, 'lost'].map((id) => JSON.stringify(goodPost(id))).join('\n')
  const stored = gzipSync(rows, { level: 0 }) // not compressed, so that every byte is in its place
  const trailer = 8
  const bad = [{ kind: 'a .gz that is cut off', reason: /^the compressed file is cut off/ }]
  return { name: `cut-${round}.jsonl.gz`, bytes: stored.subarray(0, stored.length - trailer - 20), good, bad }
}
