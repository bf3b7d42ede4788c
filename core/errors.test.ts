import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { catalogue, DriftlineError } from './errors.ts'
import { packageRoot } from './package-root.ts'

test('docs/errors.md has a section for each code, with its summary, and no other section', () => {
  const page = readFileSync(join(packageRoot, 'docs/errors.md'), 'utf8')
  const sections = new Map(
    page
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.split('\n')[0]?.trim() ?? '', section]),
  )
  expect([...sections.keys()].sort()).toEqual(Object.keys(catalogue).sort())
  for (const [code, { summary }] of Object.entries(catalogue)) expect(sections.get(code)).toContain(summary)
})

test('a message gives the summary, the reason and the other details', () => {
  const error = new DriftlineError('SOURCE_UNAVAILABLE', { path: 'posts.jsonl', reason: 'no such file' })
  expect(error.message).toBe('a source cannot be read: no such file path=posts.jsonl')
  expect(error.retryable).toBe(true)
  expect(new DriftlineError('SOURCE_UNAVAILABLE').message).toBe('a source cannot be read')
})
