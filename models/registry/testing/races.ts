import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { messageOf } from '../../../core/errors.ts'
import { builtModule } from '../../../core/package-root.ts'
import type { Random } from '../../../core/random.ts'
import { openRegistryAt, type RegistryPlace } from '../open-registry.ts'
import type { Registry } from '../registry.ts'
import { readTraffic } from '../traffic.ts'
import { smallModel } from './small-model.ts'

// Real processes at work on one registry: racing for aliases, or killed at random moments.

const writer = builtModule(import.meta.url, './writer')
const run = promisify(execFile)

export interface RaceReport {
  readonly rounds: number
  readonly won: readonly number[]
  readonly problems: readonly string[]
}

/** Lets two processes race for `rounds` new aliases, and compares what they say with the audit. */
export async function raceForAliases(place: RegistryPlace, rounds: number): Promise<RaceReport> {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-race-'))
  try {
    const registry = await openRegistryAt(place)
    for (const weights of ['one', 'two']) await registry.publish(await smallModel(join(folder, weights), { weights }))
    const writers = ['ann', 'bob']
    const racers = writers.map((by, index) =>
      run(process.execPath, [writer, JSON.stringify(place), 'race', by, String(rounds), String(index + 1)]),
    )
    // On a busy machine one could be through before the other has begun: each says that it is there, and waits.
    await Promise.all(racers.map((racer) => Promise.race([once(racer.child.stdout ?? racer.child, 'data'), racer])))
    for (const { child } of racers) child.stdin?.end()
    const won = (await Promise.all(racers)).map(({ stdout }) => Number(stdout.replace('ready', '')))
    const audit = await registry.audit('tiny')
    const problems: string[] = []
    if (won.reduce((sum, wins) => sum + wins, 0) !== rounds) problems.push(`${won} wins in ${rounds} rounds`)
    if (audit.length !== rounds) problems.push(`${audit.length} moves in the audit`)
    if (new Set(audit.map(({ alias }) => alias)).size !== rounds) problems.push('an alias was moved twice')
    for (const [index, by] of writers.entries()) {
      const moves = audit.filter((move) => move.by === by)
      if (moves.length !== won[index]) problems.push(`${by} says ${won[index]} wins, the audit ${moves.length}`)
      if (moves.some(({ to }) => to !== index + 1)) problems.push(`a move of ${by} is not what it asked for`)
    }
    return { rounds, won, problems }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export interface KillOptions {
  readonly cycles: number
  readonly random: Random
  /** Writers at a time; all of them are killed in each cycle. */
  readonly writers: number
  /** Longest life of a writer after its first step, in milliseconds. */
  readonly longestMs: number
  readonly onCycle?: (cycle: number) => void
}

export interface KillReport {
  readonly cycles: number
  readonly kills: number
  readonly published: number
  readonly moves: number
  readonly removals: number
  /** What killed publishers and removals had left behind, and was removed. */
  readonly leftovers: number
  readonly problems: readonly string[]
}

/** Kills writers at random moments while they publish, promote, challenge and remove; after each kill the registry must be whole. */
export async function killWriters(place: RegistryPlace, options: KillOptions): Promise<KillReport> {
  const { cycles, random, writers, longestMs } = options
  const scratch = await mkdtemp(join(tmpdir(), 'driftline-kill-'))
  const problems: string[] = []
  let leftovers = 0
  try {
    for (let cycle = 0; cycle < cycles; cycle++) {
      const lives = Array.from({ length: writers }, (_, index) => {
        return killedAfter(place, scratch, cycle * writers + index, random() * longestMs)
      })
      for (const { signal, stderr } of await Promise.all(lives)) {
        if (signal !== 'SIGKILL') problems.push(`cycle ${cycle}: a writer ended by itself: ${stderr}`)
      }
      const registry = await openRegistryAt(place)
      for (const problem of await wrongWith(registry)) problems.push(`cycle ${cycle}: ${problem}`)
      for (const leftover of await registry.leftovers()) {
        await leftover.remove()
        leftovers++
      }
      options.onCycle?.(cycle + 1)
    }
    const log = await (await openRegistryAt(place)).log('tiny')
    const removals = log.filter((entry) => 'remove' in entry).length
    const moves = log.filter((entry) => 'alias' in entry).length
    const published = Math.max(
      0,
      ...log.map((entry) => ('to' in entry ? entry.to : 'remove' in entry ? entry.remove : entry.challenge)),
    )
    return { cycles, kills: cycles * writers, published, moves, removals, leftovers, problems }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function killedAfter(place: RegistryPlace, scratch: string, seed: number, ms: number) {
  await mkdir(scratch, { recursive: true })
  const child = spawn(process.execPath, [writer, JSON.stringify(place), 'churn', scratch, String(seed)])
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString()
  })
  const exit = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), exit])
  await delay(ms)
  child.kill('SIGKILL')
  const [, signal] = await exit
  await rm(join(scratch, String(seed)), { recursive: true, force: true })
  return { signal: signal as NodeJS.Signals | null, stderr }
}

/** What a person would find broken. */
async function wrongWith(registry: Registry): Promise<string[]> {
  const problems: string[] = []
  const check = async (what: string, act: () => Promise<unknown>) => {
    try {
      await act()
    } catch (error) {
      problems.push(`${what}: ${messageOf(error)}`)
    }
  }
  const versions = await registry.versions('tiny')
  for (const version of versions) await check(`version ${version}`, () => registry.open('tiny', version))
  await check('document', () => registry.documents.read('tiny', 'state'))
  const { at, change } = await registry.aliases('tiny')
  for (const [alias, version] of Object.entries(at)) {
    if (!versions.includes(version)) problems.push(`alias ${alias} points to ${version}, which is not there`)
  }
  for (const { version } of (await readTraffic(registry, 'tiny')).challengers) {
    if (!versions.includes(version)) problems.push(`version ${version} is a challenger, and is not there`)
  }
  const last = await registry.lastMove('tiny', 'champion')
  if (last?.to !== at.champion) problems.push(`the champion is ${at.champion}, its last move says ${last?.to}`)
  const log = await registry.log('tiny')
  if (log.length !== change) problems.push(`${log.length} entries in the log, the last is number ${change}`)
  for (const [index, entry] of log.entries()) {
    if (entry.change !== index + 1) problems.push(`entry ${index + 1} of the log says that it is ${entry.change}`)
  }
  return problems
}
