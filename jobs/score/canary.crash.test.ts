import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../core/clock.ts'
import { builtModule } from '../../core/package-root.ts'
import { seededRandom } from '../../core/random.ts'
import { endChallenger, setChallenger } from '../../models/registry/traffic.ts'
import { ScoreRig, until } from './testing/score-rig.ts'

let rig: ScoreRig
const children: ChildProcess[] = []

beforeAll(async () => {
  rig = await ScoreRig.open('driftline_canary_crash')
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rig[Symbol.asyncDispose]()
})

function startJob(): ChildProcess {
  const child = spawn(
    process.execPath,
    [builtModule(import.meta.url, './testing/score-child'), JSON.stringify(rig.config)],
    {
      stdio: ['pipe', 'ignore', 'inherit'],
    },
  )
  children.push(child)
  return child
}

test('killed again and again while challengers come, change and go, nothing is lost or doubled, and the audit fits every row', async () => {
  const random = seededRandom(7)
  const change = { by: 'ann', reason: 'a try' }
  let posts = 0
  for (let kill = 0; kill < 8; kill++) {
    await rig.append(posts, 500)
    posts += 500
    const scored = await rig.count('scores')
    const job = startJob()
    await until(async () => (await rig.count('scores')) > scored || job.exitCode !== null)
    await setChallenger(rig.registry, 'tiny', { version: 2, mode: 'canary', share: random(), ...change })
    await setChallenger(rig.registry, 'tiny', { version: 3, mode: 'shadow', share: random(), ...change })
    if (kill % 3 === 2) await endChallenger(rig.registry, 'tiny', 2, change)
    if (kill % 4 === 3) await rig.promote(kill % 8 === 3 ? 2 : 1, `kill ${kill}`)
    await rig.append(posts, 500)
    posts += 500
    await systemClock.sleep(random() * 400)
    job.kill('SIGKILL')
    await once(job, 'exit')
  }
  const job = startJob()
  await until(async () => (await rig.scoredUpTo(posts)) || job.exitCode !== null)
  expect(job.exitCode).toBeNull()
  // On a busy machine each kill came before the shadow had loaded: posts go on until it has scored some.
  while ((await rig.count('scores WHERE shadow = 1')) === 0) {
    await rig.append(posts, 100)
    posts += 100
    await until(() => rig.scoredUpTo(posts))
  }
  job.stdin?.end()
  await once(job, 'exit')
  expect(await rig.verify()).toMatchObject({ ok: true, scored: posts, gaps: 0, duplicates: 0, findings: [] })
  expect(await rig.count('(SELECT DISTINCT model_version FROM scores WHERE shadow = 0)')).toBe(2)
  expect(await rig.count('scores WHERE shadow = 1')).toBeGreaterThan(0)
})
