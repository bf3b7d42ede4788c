import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { seededRandom } from '../core/random.ts'
import { readLabelledPosts, readTexts, split } from './data.ts'

function file(rows: readonly unknown[], name = 'labels.jsonl'): string {
  const path = join(mkdtempSync(join(tmpdir(), 'driftline-labels-')), name)
  const text = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}

test('reads plain and compressed files, with or without time, and passes over what has no label', async () => {
  const rows = [
    { text: 'sun', label: 'up', ts: '2020-01-01T00:00:00Z', more: 1 },
    { text: 'rain', label: 'down', createdAt: 5 },
    { text: 'hail', label: 1, id: 7, ts: 6 }, // as ingest takes them
    { text: 'fog', label: null },
    '',
  ]
  for (const name of ['labels.jsonl', 'labels.jsonl.gz']) {
    const { posts, unlabelled } = await readLabelledPosts(file(rows, name))
    expect(posts).toEqual([
      { text: 'sun', label: 'up', atMs: Date.UTC(2020, 0, 1) },
      { text: 'rain', label: 'down', atMs: 5 },
      { text: 'hail', label: '1', atMs: 6 },
    ])
    expect(unlabelled).toBe(1)
  }
})

test('a text with two labels is left out, a repeated one counts once', async () => {
  const read = await readLabelledPosts(
    file([
      { text: 'meh', label: 'up' },
      { text: 'meh', label: 'down' },
      { text: 'sun', label: 'up' },
      { text: 'sun', label: 'up' },
    ]),
  )
  expect(read).toMatchObject({ contradictory: 2, repeated: 1, posts: [{ text: 'sun' }] })
})

test.each([
  ['broken JSON, with its line', [{ text: 'a', label: 'b' }, '{"text":'], { line: 2 }],
  ['a row without text', [{ label: 'b' }], { line: 1 }],
  [
    'one id with two labels',
    [
      { id: '7', text: 'a', label: 'b' },
      { id: '7', text: 'c', label: 'd' },
    ],
    {},
  ],
  ['a file without a label', [{ text: 'a' }], { unlabelled: 1 }],
])('refuses %s', async (_, rows, details) => {
  await expect(readLabelledPosts(file(rows))).rejects.toMatchObject({ code: 'LABELS_INVALID', details })
})

test('refuses a file that is not there or not whole', async () => {
  await expect(readLabelledPosts('no-such-file.jsonl')).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
  const path = join(mkdtempSync(join(tmpdir(), 'driftline-labels-')), 'cut.jsonl.gz')
  writeFileSync(path, gzipSync('{"text":"a","label":"b"}').subarray(0, 20))
  await expect(readLabelledPosts(path)).rejects.toMatchObject({ code: 'LABELS_INVALID' })
})

test('texts are read once each, labelled or not', async () => {
  expect(await readTexts(file([{ text: 'a' }, { text: 'b', label: 'x' }, { text: 'a' }]))).toEqual(['a', 'b'])
})

const post = (text: string, atMs?: number) => ({ text, label: 'x', atMs })

test('the hold-out is the newest share, or what comes from a time on', () => {
  const posts = [post('c', 3), post('a', 1), post('d', 4), post('b', 2)]
  const names = (some: readonly { text: string }[]) => some.map(({ text }) => text).join('')
  const byShare = split(posts, { share: 0.25 }, seededRandom(1))
  expect([names(byShare.train), names(byShare.heldOut)]).toEqual(['abc', 'd'])
  const byTime = split(posts, { fromMs: 3 }, seededRandom(1))
  expect([names(byTime.train), names(byTime.heldOut)]).toEqual(['ab', 'cd'])
})

test('without times a random share stands in, and nothing is lost', () => {
  const posts = [...'abcdefgh'].map((text) => post(text))
  const { train, heldOut } = split(posts, { share: 0.25 }, seededRandom(1))
  expect(heldOut).toHaveLength(2)
  expect([...train, ...heldOut].map(({ text }) => text).sort()).toEqual([...'abcdefgh'])
  expect(() => split(posts, { fromMs: 1 }, seededRandom(1))).toThrow(/needs a time/)
  expect(() => split(posts.slice(0, 1), { share: 0.9 }, seededRandom(1))).toThrow(/one side empty/)
})

test('texts that are all labelled in more than one way leave nothing, and the error says so', async () => {
  const rows = ['a', 'b'].map((label) => ({ text: 'the same', label }))
  const details = { reason: 'every text is labelled in more than one way', rows: 2, contradictory: 2 }
  await expect(readLabelledPosts(file(rows))).rejects.toMatchObject({ code: 'LABELS_INVALID', details })
})
