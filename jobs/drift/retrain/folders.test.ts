import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { removeOldFolders, retrainingFolder } from './folders.ts'

const day = (of: number) => `202601${String(of).padStart(2, '0')}t120000z-aaaa`

test('of retrainings that have ended the newest three folders stay, and those that began later', async () => {
  const data = await mkdtemp(join(tmpdir(), 'driftline-folders-'))
  try {
    for (const of of [1, 2, 3, 4, 5, 9]) {
      await mkdir(join(retrainingFolder(data, day(of)), 'trained'), { recursive: true })
      await writeFile(join(retrainingFolder(data, day(of)), 'posts.jsonl'), '')
    }
    await removeOldFolders(data, day(5))
    expect(await readdir(join(data, 'retraining'))).toEqual([day(3), day(4), day(5), day(9)])
  } finally {
    await rm(data, { recursive: true, force: true })
  }
})

test('without any folder there is nothing to remove', async () => {
  await expect(removeOldFolders(join(tmpdir(), 'driftline-nowhere'), day(1))).resolves.toBeUndefined()
})
