import { expect, test } from 'vitest'
import { PageMessage, ServerMessage } from './protocol.ts'
import { sampleSnapshot } from './server/testing/scripted-feed.ts'

/** Parses a snapshot with one value replaced. */
function withValue(path: readonly (string | number)[], value: unknown): boolean {
  const message: unknown = JSON.parse(JSON.stringify({ type: 'snapshot', seq: 1, snapshot: sampleSnapshot() }))
  let at = message as Record<string | number, unknown>
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>
  at[path.at(-1) ?? ''] = value
  return ServerMessage.safeParse(message).success
}

test.each([
  { type: 'hello', protocol: 1, version: '0.1.0' },
  { type: 'snapshot', seq: 7, snapshot: sampleSnapshot() },
  { type: 'snapshot', seq: 7, snapshot: { ...sampleSnapshot(), model: null, log: null, live: null } },
  { type: 'trouble', reason: 'the disk is full' },
])('what the server says comes out of JSON as it went in: $type', (message) => {
  expect(ServerMessage.parse(JSON.parse(JSON.stringify(message)))).toEqual(message)
})

test.each([
  [['snapshot', 'live', 'newest', 0, 'confidence'], 1.01],
  [['snapshot', 'live', 'newest', 0, 'text'], { html: '<b>' }],
  [['snapshot', 'live', 'classes', 'shares', 0], -0.1],
  [['snapshot', 'live', 'rate', 'now'], null], // what JSON makes of NaN and Infinity
  [['snapshot', 'live', 'totals', 'scored'], 1.5],
  [['snapshot', 'parts', 0, 'state'], 'fine'],
  [['snapshot', 'log', 'partitions', 0, 'lag'], -1],
  [['seq'], '1'],
])('a snapshot whose %j is %j is refused', (path, value) => {
  expect(withValue(path, value)).toBe(false)
})

test('what is newer than this page is passed over', () => {
  expect(withValue(['snapshot', 'live', 'median'], 3)).toBe(true)
})

test('a page says that it has seen, or whether it looks, and nothing else', () => {
  expect(PageMessage.parse({ type: 'seen', seq: 0 })).toEqual({ type: 'seen', seq: 0 })
  expect(PageMessage.parse({ type: 'look', visible: false })).toEqual({ type: 'look', visible: false })
  for (const message of [
    null,
    [],
    'seen',
    {},
    { type: 'snapshot' },
    { type: 'seen', seq: 0.5 },
    { type: 'look', visible: 1 },
  ]) {
    expect(PageMessage.safeParse(message).success).toBe(false)
  }
})
