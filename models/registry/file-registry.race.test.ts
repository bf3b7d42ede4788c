import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { registryFolder } from './file-registry.ts'
import { killWriters, raceForAliases } from './testing/races.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-registry-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('of two processes that race for 1,000 aliases, exactly one wins each, and the audit tells which', async () => {
  const { won, problems } = await raceForAliases({ data: join(folder, 'race') }, 1000)
  expect({ won: won.map((wins) => wins > 0), problems }).toEqual({ won: [true, true], problems: [] })
})

test('writers killed at random moments leave a registry that is whole, and nothing behind', async () => {
  const data = join(folder, 'kill')
  const options = { cycles: 6, writers: 2, longestMs: 400, random: seededRandom(1) }
  const { kills, problems } = await killWriters({ data }, options)
  expect({ kills, problems }).toEqual({ kills: 12, problems: [] })
  expect(await readdir(join(registryFolder(data), '.drafts'))).toEqual([])
})
