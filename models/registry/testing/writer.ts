import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DriftlineError } from '../../../core/errors.ts'
import { seededRandom } from '../../../core/random.ts'
import { Disk } from '../disk.ts'
import { openFileRegistry } from '../file-registry.ts'
import { openRegistryAt } from '../open-registry.ts'
import type { Registry } from '../registry.ts'
import { endChallenger, setChallenger } from '../traffic.ts'
import { smallModel } from './small-model.ts'

// A process that writes to a registry, for tests that kill it or let it race.

const [root = '', task = '', ...args] = process.argv.slice(2)

/** Ends the process before the given step, as a power cut of the process would: nothing is cleaned up. */
function dyingAt(last: number): Disk {
  let steps = 0
  return new Disk(() => {
    if (steps++ === last) process.kill(process.pid, 'SIGKILL')
  })
}

if (task === 'publish') {
  const [model = '', last = ''] = args
  await (await openFileRegistry(root, { disk: dyingAt(Number(last)) })).publish(model)
} else if (task === 'move') {
  const [last = ''] = args
  const registry = await openFileRegistry(root, { disk: dyingAt(Number(last)) })
  const expected = (await registry.aliases('tiny')).at.champion
  await registry.setAlias('tiny', 'champion', expected === 1 ? 2 : 1, { expected, by: 'writer', reason: 'a test' })
} else if (task === 'remove') {
  const [last = ''] = args
  const registry = await openFileRegistry(root, { disk: dyingAt(Number(last)) })
  await registry.remove('tiny', 2, { by: 'writer', reason: 'a test' })
} else if (task === 'document') {
  const [last = ''] = args
  const { documents } = await openFileRegistry(root, { disk: dyingAt(Number(last)) })
  const revision = (await documents.read('tiny', 'traffic'))?.revision ?? 0
  await documents.write('tiny', 'traffic', revision + 1, revision)
} else if (task === 'race') {
  const [by = '', rounds = '', to = ''] = args
  const registry = await openRegistryAt(JSON.parse(root))
  process.stdout.write('ready')
  await once(process.stdin.resume(), 'end') // closed when all that race are ready
  const random = seededRandom(Number(to))
  let won = 0
  for (let round = 0; round < Number(rounds); round++) {
    const startedMs = performance.now()
    try {
      const move = { expected: undefined, by, reason: `round ${round}` }
      await registry.setAlias('tiny', `round-${round}`, Number(to), move)
      won++
      // Who loses hears of it last, and would begin each round last: who has won waits for about as long as a move takes.
      await delay(2 * random() * (performance.now() - startedMs))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ALIAS_MOVED')) throw error
    }
  }
  process.stdout.write(String(won))
} else if (task === 'churn') {
  const [scratch = '', seed = ''] = args
  await churn(await openRegistryAt(JSON.parse(root)), scratch, Number(seed))
} else throw new Error(`no task ${task}`)

/** Publishes, promotes, challenges, removes and collects for ever, as several processes may do at a time. */
async function churn(registry: Registry, scratch: string, seed: number): Promise<never> {
  const by = { by: `writer ${process.pid}`, reason: 'a test' }
  process.stdout.write('ready')
  for (let round = 0; ; round++) {
    // 200 kB, so that a kill often falls into a copy.
    const path = await smallModel(join(scratch, String(seed)), { weights: `${seed} ${round} `.padEnd(200_000, 'w') })
    const { version } = await registry.publish(path)
    await rm(path, { recursive: true })
    await unlessRaced(async () => {
      const { champion } = (await registry.aliases('tiny')).at
      await registry.setAlias('tiny', 'champion', version, { expected: champion, ...by })
    })
    await unlessRaced(async () => {
      const revision = (await registry.documents.read('tiny', 'state'))?.revision ?? 0
      await registry.documents.write('tiny', 'state', revision + 1, revision)
    })
    const olds = (await registry.versions('tiny')).slice(0, -3)
    const [oldest] = olds // which another writer may be about to remove
    if (oldest !== undefined) {
      await unlessRaced(() => setChallenger(registry, 'tiny', { version: oldest, mode: 'shadow', share: 0.1, ...by }))
      await endChallenger(registry, 'tiny', oldest, by)
    }
    for (const old of olds) await unlessRaced(() => registry.remove('tiny', old, by))
    for (const leftover of await registry.leftovers()) await leftover.remove()
  }
}

async function unlessRaced(act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (error) {
    const raced = ['ALIAS_MOVED', 'DOCUMENT_MOVED', 'VERSION_IN_USE', 'VERSION_UNKNOWN']
    if (!(error instanceof DriftlineError && raced.includes(error.code))) throw error
  }
}
