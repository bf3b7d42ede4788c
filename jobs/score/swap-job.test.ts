import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import { StoredRegistry } from '../../models/registry/stored-registry.ts'
import { ModelSwitch } from './swap.ts'
import { fakeScorer } from './testing/fake-scorer.ts'
import { ScoreRig, until } from './testing/score-rig.ts'

let rig: ScoreRig

beforeAll(async () => {
  rig = await ScoreRig.open('driftline_swap')
})
afterAll(() => rig[Symbol.asyncDispose]())
afterEach(() => void vi.restoreAllMocks())

const refusals = () =>
  rig.rows(
    `SELECT to_version, outcome, changed_by FROM swaps WHERE outcome NOT IN ('started', 'swapped', 'took_over') ORDER BY swapped_at`,
    z.object({ to_version: z.number(), outcome: z.string(), changed_by: z.string() }),
  )

test('swaps while posts arrive: nothing lost or doubled, and each row has the version that swaps names', async () => {
  let posts = 0
  await rig.whileScoring(async (models) => {
    for (let swap = 0; swap < 10; swap++) {
      await rig.append(posts, 300)
      posts += 300
      const to = models.scorer.version === 1 ? 2 : 1
      await rig.promote(to, `swap ${swap}`)
      await until(() => models.scorer.version === to)
      // On a busy machine all swaps were over before a post was scored: posts go on until the second version has had some.
      while (to === 2 && (await rig.count('scores WHERE model_version = 2')) === 0) {
        await rig.append(posts, 100)
        posts += 100
        await until(() => rig.scoredUpTo(posts))
      }
    }
    await rig.append(posts, 100)
    posts += 100
    await until(() => rig.scoredUpTo(posts))
  })
  expect(await rig.verify()).toMatchObject({ ok: true, scored: posts, gaps: 0, duplicates: 0, findings: [] })
  const versions = await rig.rows(
    'SELECT DISTINCT model_version AS v FROM scores ORDER BY v',
    z.object({ v: z.number() }),
  )
  expect(versions).toEqual([{ v: 1 }, { v: 2 }])
  const said = await rig.rows(`SELECT DISTINCT reason FROM swaps ORDER BY reason`, z.object({ reason: z.string() }))
  expect(said.map(({ reason }) => reason)).toContain('swap 9')
})

test('verify finds a row of a version that swaps does not name', async () => {
  const client = rig.client()
  await client.command({
    query: `INSERT INTO swaps SELECT * REPLACE (9 AS to_version, 9 AS champion_version, now64(3) + 60 AS swapped_at) FROM swaps LIMIT 1`,
  })
  const { ok, findings } = await rig.verify()
  expect(ok).toBe(false)
  expect(findings[0]).toMatchObject({ kind: 'version', recorded: 9 })
  await client.command({ query: 'DELETE FROM swaps WHERE to_version = 9' })
  expect(await rig.verify()).toMatchObject({ ok: true })
})

test('the job stops while a version comes from a store that does not answer', async () => {
  const { openVersion } = rig
  let asked = false
  rig.openVersion = (_name, _version, signal) => {
    asked = true
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const before = (await rig.registry.aliases('tiny')).at.champion ?? 1
  await rig.whileScoring(async () => {
    await rig.promote(before === 1 ? 2 : 1, 'it takes long')
    await until(() => asked)
  })
  rig.openVersion = openVersion
  await rig.promote(before, 'as it was')
  expect(await refusals()).toEqual([])
})

test('the job stops while its registry does not answer: it leaves it', async () => {
  const { followed } = rig
  let asked = 0
  let left = false
  rig.followed = (follow) => {
    const { registry } = follow
    const leaving = new AbortController()
    const silent = (): Promise<never> => {
      asked++
      return new Promise((_, reject) => leaving.signal.addEventListener('abort', () => reject(leaving.signal.reason)))
    }
    vi.spyOn(registry, 'aliases').mockImplementation(silent)
    vi.spyOn(registry.documents, 'read').mockImplementation(silent)
    const leave = () => {
      left = true
      leaving.abort()
    }
    return { ...follow, leave }
  }
  await rig.whileScoring(() => until(() => asked === 2)) // for the alias, and for the traffic
  rig.followed = followed
  expect(left).toBe(true)
})

test('a version that cannot start leaves the old one in place, and says so, until the alias moves on', async () => {
  rig.broken.add(3)
  await rig.whileScoring(async (models) => {
    const running = models.scorer.version
    await rig.promote(3, 'looks good')
    await until(async () => (await refusals()).length > 0)
    expect(models.scorer.version).toBe(running)
    await until(async () => (await rig.status())?.swap?.outcome === 'MODEL_INVALID')
    expect(await rig.status()).toMatchObject({ state: 'ok', model: { version: running }, swap: { to: 3 } })
    const other = running === 1 ? 2 : 1
    await rig.promote(other, 'this one then')
    await until(() => models.scorer.version === other)
  })
  expect(await refusals()).toMatchObject([{ to_version: 3, outcome: 'MODEL_INVALID', changed_by: 'ann' }])
  expect((await rig.status())?.swap).toMatchObject({ outcome: 'swapped', reason: 'this one then' })
})

test('a champion that cannot start is passed over for the previous one, and tried again by nobody', async () => {
  await rig.promote(3, 'still broken')
  const before = (await rig.registry.aliases('tiny')).at.previous
  await rig.whileScoring(async (models) => {
    expect(models.scorer.version).toBe(before)
    await until(async () => (await refusals()).length > 1)
  })
  expect(await refusals()).toHaveLength(2)
})

test('a registry that is away for a moment says nothing against the version: it is tried again', async () => {
  let away = 2
  rig.scorers.set(3, () => {
    if (away-- > 0) throw new DriftlineError('REGISTRY_UNAVAILABLE', { reason: 'the bucket does not answer' })
    return fakeScorer(3)
  })
  rig.broken.delete(3)
  const before = (await refusals()).length
  await rig.promote(1, 'a known start')
  await rig.whileScoring(async (models) => {
    await rig.promote(3, 'it is there')
    await until(() => models.scorer.version === 3)
  })
  rig.scorers.delete(3)
  expect(away).toBe(-1)
  expect(await refusals()).toHaveLength(before)
})

const awayOnce = () => new DriftlineError('REGISTRY_UNAVAILABLE', { reason: 'the bucket does not answer' })

test('a registry that is away while it is asked who moved the alias is asked again', async () => {
  await rig.promote(1, 'a known start')
  await rig.whileScoring(async (models) => {
    vi.spyOn(StoredRegistry.prototype, 'lastMove').mockRejectedValueOnce(awayOnce())
    await rig.promote(2, 'it is there')
    await until(() => models.scorer.version === 2)
  })
})

test('a registry that is away when the job starts says nothing against the champion, which is loaded once it is back', async () => {
  await rig.promote(1, 'a known start')
  await rig.promote(2, 'it is there')
  const before = (await refusals()).length
  vi.spyOn(StoredRegistry.prototype, 'open').mockRejectedValueOnce(awayOnce())
  await rig.whileScoring(async (models) => {
    expect(models.scorer.version).toBe(1)
    await until(() => models.scorer.version === 2)
  })
  expect(await refusals()).toHaveLength(before)
})

test('a refusal is told in swaps also when the store was away at first', async () => {
  rig.broken.add(3)
  await rig.promote(1, 'a known start')
  const before = (await refusals()).length
  await rig.whileScoring(async () => {
    vi.spyOn(ModelSwitch.prototype, 'refuse').mockRejectedValueOnce(new DriftlineError('SINK_UNAVAILABLE'))
    await rig.promote(3, 'looks good')
    await until(async () => (await refusals()).length > before)
  })
  rig.broken.delete(3)
  expect((await refusals()).at(-1)).toMatchObject({ to_version: 3, outcome: 'MODEL_INVALID', changed_by: 'ann' })
})

test('a rollback reaches the running job, and is one more swap in audit and table', async () => {
  rig.broken.delete(3)
  const swaps = () =>
    rig.rows(
      `SELECT DISTINCT swap_id, from_version, to_version, changed_by, reason FROM swaps WHERE outcome = 'swapped' AND reason = 'rollback'`,
      z.object({ from_version: z.number(), to_version: z.number(), changed_by: z.string(), reason: z.string() }),
    )
  let posts = await rig.count('scores')
  const more = async () => {
    await rig.append(posts, 100)
    posts += 100
    await until(() => rig.scoredUpTo(posts))
  }
  await rig.promote(1, 'a known start')
  await rig.whileScoring(async (models) => {
    await more()
    await rig.promote(2, 'better')
    await until(() => models.scorer.version === 2 && models.settled)
    await more()
    const { at } = await rig.registry.aliases('tiny')
    expect(at).toMatchObject({ champion: 2, previous: 1 })
    const audited = (await rig.registry.audit('tiny')).length
    await rig.promote(at.previous ?? 0, 'rollback')
    await until(() => models.scorer.version === 1 && models.settled)
    await more()
    expect(await rig.registry.audit('tiny')).toHaveLength(audited + 1)
    expect((await rig.registry.aliases('tiny')).at).toMatchObject({ champion: 1, previous: 2 })
  })
  expect(await swaps()).toMatchObject([{ from_version: 2, to_version: 1, changed_by: 'ann', reason: 'rollback' }])
  expect(await rig.verify()).toMatchObject({ ok: true, scored: posts, findings: [] })
})
