import { join } from 'node:path'
import { loadConfig } from '../core/config.ts'
import { seededRandom } from '../core/random.ts'
import { killWriters, raceForAliases } from '../models/registry/testing/races.ts'
import { inTemporaryFolder, readOptions } from './frame.ts'
import { machine } from './machine.ts'

const usage = `npm run bench -- registry-kill [options]
  --cycles <n>   cycles of writers killed at random moments (default 100)
  --writers <n>  writers at a time; each is killed in each cycle (default 2)
  --longest <ms> longest life of a writer (default 400)
  --races <n>    aliases that two processes then race for (default 0)
  --seed <n>     of the moments (default 1)
DRIFTLINE_REGISTRY_URL and the S3 settings name a bucket, of which a prefix that is empty is used; unset: a folder.`

/** Kills processes that publish, promote, remove and collect; the registry must be whole each time. */
export async function registryKill(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, { cycles: 100, writers: 2, longest: 400, races: 0, seed: 1 })
  if (options === undefined) return 0
  const { cycles, writers, longest, races, seed } = options
  const { config } = loadConfig()
  const prefixed = (part: string) =>
    config.registryUrl === undefined ? {} : { registryUrl: `${config.registryUrl}/bench-${process.pid}-${part}` }
  return inTemporaryFolder(async (data) => {
    process.stdout.write(`${machine()}\n${config.registryUrl ?? 'a registry in a folder'}\n`)
    const report = await killWriters(
      { ...config, data: join(data, 'kill'), ...prefixed('kill') },
      {
        cycles,
        writers,
        longestMs: longest,
        random: seededRandom(seed),
        onCycle: (cycle) => {
          if (cycle % 10 === 0) process.stderr.write(`${cycle} cycles\n`)
        },
      },
    )
    const { kills, published, moves, removals, leftovers } = report
    process.stdout.write(
      `${kills} kills in ${report.cycles} cycles; ${published} versions published, ${moves} moves, ${removals} removals, ${leftovers} leftovers removed\n`,
    )
    const problems = [...report.problems]
    if (races > 0) {
      const startedMs = Date.now()
      const race = await raceForAliases({ ...config, data: join(data, 'race'), ...prefixed('race') }, races)
      const seconds = (Date.now() - startedMs) / 1000
      process.stdout.write(`${races} races: ${race.won.join(' and ')} won, ${seconds.toFixed(1)} s\n`)
      problems.push(...race.problems)
    }
    for (const problem of problems) process.stdout.write(`WRONG: ${problem}\n`)
    process.stdout.write(
      problems.length === 0 ? 'after each kill the registry was whole\n' : `${problems.length} problems\n`,
    )
    return problems.length === 0 ? 0 : 1
  })
}
