import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { openLmdbLog } from '../../connectors/lmdb-log.ts'
import { packageRoot } from '../../core/package-root.ts'

const rows = 60_000

test('ingest killed again and again loses nothing and repeats nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'driftline-ingest-'))
  try {
    const lines = Array.from({ length: rows }, (_, n) =>
      n % 10 === 3 ? `broken ${n}` : `{"id":"${n}","text":"text ${n}"}`,
    )
    const path = join(folder, 'posts.jsonl.gz')
    writeFileSync(path, gzipSync(lines.join('\n')))
    for (let kills = 0; kills < 5; kills++) {
      const child = start(folder, path, '--rate', '30000') // two seconds for the whole file
      const closed = once(child, 'close')
      await reachesLog(folder, 1 + kills * 5000)
      child.kill('SIGKILL')
      await closed
    }
    const [code] = await once(start(folder, path), 'close')
    expect(code).toBe(0)
    expect(await ends(folder)).toEqual({ posts: rows * 0.9, dead: rows * 0.1 })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

const start = (folder: string, path: string, ...options: string[]): ChildProcess => {
  const args = [join(packageRoot, 'bin/driftline.js'), 'ingest', 'file', path, '--data', folder, '--log-level', 'warn']
  return spawn(process.execPath, [...args, ...options], { stdio: ['ignore', 'ignore', 'inherit'] })
}

async function ends(folder: string): Promise<{ posts: number; dead: number }> {
  const log = openLmdbLog(join(folder, 'log'))
  const end = async (topic: string) =>
    (await log.topic(topic)) === undefined ? 0 : (await log.ranges(topic)).reduce((sum, range) => sum + range.end, 0)
  const both = { posts: await end('posts'), dead: await end('posts.dead') }
  await log[Symbol.asyncDispose]()
  return both
}

/** Waits until so many records are in the log, so that each kill comes later in the file. */
async function reachesLog(folder: string, records: number): Promise<void> {
  for (;;) {
    const { posts, dead } = await ends(folder)
    if (posts + dead >= records) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
