import { Disk } from '../disk.ts'
import { openFileRegistry } from '../file-registry.ts'

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
  const registry = await openFileRegistry(root)
  let won = 0
  for (let round = 0; round < Number(rounds); round++) {
    try {
      const move = { expected: undefined, by, reason: `round ${round}` }
      await registry.setAlias('tiny', `round-${round}`, Number(to), move)
      won++
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ALIAS_MOVED')) throw error
    }
  }
  process.stdout.write(String(won))
} else throw new Error(`no task ${task}`)
