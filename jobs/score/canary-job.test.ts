import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import { slotCount, slotOf } from '../../models/registry/slots.ts'
import { type ChallengerChange, endChallenger, readTraffic, setChallenger } from '../../models/registry/traffic.ts'
import type { ModelSwitch } from './swap.ts'
import { fakeScorer } from './testing/fake-scorer.ts'
import { allThreads, ScoreRig, until } from './testing/score-rig.ts'

let rig: ScoreRig
let posts = 0

beforeAll(async () => {
  rig = await ScoreRig.open('driftline_canary')
})
afterAll(() => rig[Symbol.asyncDispose]())
beforeEach(() => {
  rig.started.length = 0
})
afterEach(async () => {
  rig.scorers.clear()
  for (const { version } of (await readTraffic(rig.registry, 'tiny')).challengers) await stop(version)
})

const set = (version: number, over: Partial<ChallengerChange>) =>
  setChallenger(rig.registry, 'tiny', { version, mode: 'canary', share: 0.5, by: 'ann', reason: 'a try', ...over })
const stop = (version: number) => endChallenger(rig.registry, 'tiny', version, { by: 'ann', reason: 'seen enough' })

const running = (models: ModelSwitch) =>
  models.contenders.map(({ live, slots }) => [
    live.scorer.version,
    slots.reduce((sum, [from, to]) => sum + to - from, 0),
  ])

/** Appends posts and waits until all are scored. */
async function more(count = 300): Promise<void> {
  await rig.append(posts, count)
  posts += count
  await until(() => rig.scoredUpTo(posts))
}

const Row = z.object({ post_id: z.string(), model_version: z.number(), shadow: z.number(), stood_in_for: z.number() })
/** Rows of the posts from this one on. */
const rowsFrom = (first: number) =>
  rig.rows(
    `SELECT post_id, model_version, shadow, stood_in_for FROM scores WHERE toUInt32(substring(post_id, 6)) >= ${first}`,
    Row,
  )

const told = (outcome: string) =>
  rig.rows(
    `SELECT DISTINCT to_version, changed_by, reason, round(share, 4) AS share FROM swaps WHERE outcome = '${outcome}' ORDER BY ALL`,
    z.object({ to_version: z.number(), changed_by: z.string(), reason: z.string(), share: z.number() }),
  )

test('canaries start, grow and end while posts arrive, and each post is scored by the version of its slot', async () => {
  await rig.whileScoring(async (models) => {
    await more()
    await set(2, { share: 0.2, reason: 'a fifth' })
    await set(3, { share: 0.3 })
    await until(() => models.contenders.length === 2 && models.settled)
    const first = posts
    await more()
    for (const { post_id, model_version } of await rowsFrom(first)) {
      const slot = slotOf(post_id)
      expect(model_version).toBe(slot < 0.2 * slotCount ? 2 : slot < 0.5 * slotCount ? 3 : 1)
    }
    await set(2, { share: 0.6, reason: 'most' })
    await until(() => running(models).some(([version, slots]) => version === 2 && slots === 6000) && models.settled)
    const second = posts
    await more()
    for (const { post_id, model_version } of await rowsFrom(second)) {
      const slot = slotOf(post_id)
      expect(model_version).toBe(slot >= 2000 && slot < 5000 ? 3 : slot < 9000 ? 2 : 1)
    }
    await stop(3)
    await stop(2)
    await until(() => models.contenders.length === 0 && models.settled)
    const third = posts
    await more()
    expect(new Set((await rowsFrom(third)).map(({ model_version }) => model_version))).toEqual(new Set([1]))
  })
  expect(await rig.verify()).toMatchObject({ ok: true, scored: posts, gaps: 0, duplicates: 0, findings: [] })
  expect(await told('canary_started')).toEqual([
    { to_version: 2, changed_by: 'ann', reason: 'a fifth', share: 0.2 },
    { to_version: 3, changed_by: 'ann', reason: 'a try', share: 0.3 },
  ])
  expect(await told('canary_changed')).toEqual([{ to_version: 2, changed_by: 'ann', reason: 'most', share: 0.6 }])
  expect(await told('canary_ended')).toMatchObject([
    { to_version: 2, reason: 'seen enough' },
    { to_version: 3, reason: 'seen enough' },
  ])
})

test('a challenger has as many threads as its share of the posts needs, and all of them once it is the champion', async () => {
  await rig.whileScoring(async (models) => {
    await more(10)
    const champion = models.scorer.version
    const to = champion === 2 ? 1 : 2
    const threads = () => models.contenders[0]?.live.scorer.workers
    await set(to, { share: 0.2 })
    await until(() => threads() === 1)
    await set(to, { share: 0.6 })
    await until(() => running(models).some(([, slots]) => slots === 6000))
    expect(threads()).toBe(3)
    await set(to, { share: 0.3 })
    await until(() => running(models).some(([, slots]) => slots === 3000))
    expect(threads()).toBe(3)
    await rig.promote(to, 'good')
    await until(() => models.scorer.version === to)
    expect(models.scorer.workers).toBe(allThreads)
    expect(rig.started.filter((version) => version === to)).toHaveLength(1)
    await rig.promote(champion, 'as it was')
    await until(() => models.scorer.version === champion)
  })
})

test('a share that is raised while its version is loaded comes with the threads for it', async () => {
  let loaded = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    loaded = resolve
  })
  let isLoading = false
  rig.scorers.set(2, () => {
    const scorer = fakeScorer(2)
    const grow = scorer.grow.bind(scorer)
    const gated = async (most: number) => {
      isLoading = true
      await gate
      return grow(most)
    }
    return Object.assign(scorer, { grow: gated })
  })
  await rig.whileScoring(async (models) => {
    await set(2, { share: 0.2 })
    await until(() => isLoading)
    await set(2, { share: 0.6 })
    await until(async () => (await rig.status())?.challengers?.[0]?.share === 0.6)
    loaded()
    await until(() => running(models).some(([, slots]) => slots === 6000))
    expect(models.contenders[0]?.live.scorer.workers).toBe(3)
  })
})

test('a shadow scores its share beside the champion, in rows of its own that no view counts', async () => {
  const before = await rig.count('sentiment_1m')
  await rig.whileScoring(async (models) => {
    await more(10)
    await set(2, { mode: 'shadow', share: 0.4 })
    await until(() => models.contenders.length === 1 && models.settled)
    const first = posts
    await more()
    await until(async () => (await rig.count('scores WHERE shadow = 1')) > 0)
    const inShadow = () => rowsFrom(first).then((rows) => rows.filter(({ shadow }) => shadow === 1))
    const expected = Array.from({ length: 300 }, (_, at) => `post-${first + at}`).filter((id) => slotOf(id) >= 6000)
    await until(async () => (await inShadow()).length >= expected.length)
    expect((await inShadow()).map(({ post_id }) => post_id).sort()).toEqual(expected.sort())
    expect(new Set((await inShadow()).map(({ model_version }) => model_version))).toEqual(new Set([2]))
    await until(async () => ((await rig.status())?.challengers?.[0]?.scored ?? 0) === expected.length)
  })
  expect(await rig.verify()).toMatchObject({ ok: true, scored: posts, duplicates: 0, findings: [] })
  expect(await rig.count('sentiment_1m')).toBe(before)
})

test('a shadow that hangs costs the champion nothing, and what it misses is counted', async () => {
  rig.scorers.set(2, () => ({ ...fakeScorer(2), score: () => new Promise<never>(() => undefined) }))
  const shadowRows = await rig.count('scores WHERE shadow = 1')
  await rig.whileScoring(async (models) => {
    await set(2, { mode: 'shadow', share: 1 })
    await until(() => models.contenders.length === 1 && models.settled)
    for (let round = 0; round < 10; round++) await more(1000)
    await until(async () => ((await rig.status())?.challengers?.[0]?.skipped ?? 0) > 1000)
  })
  expect(await rig.verify()).toMatchObject({ ok: true, scored: posts, findings: [] })
  expect(await rig.count('scores WHERE shadow = 1')).toBe(shadowRows)
})

test('the guard ends a canary that fails, its posts are scored by the champion, and the reason is kept', async () => {
  const failure = new DriftlineError('INFERENCE_FAILED', { reason: 'a logit is not a finite number' })
  rig.scorers.set(3, () => ({ ...fakeScorer(3), score: async (texts) => texts.map(() => failure) }))
  const first = posts
  await rig.whileScoring(async (models) => {
    await more(10)
    await set(3, { share: 0.5 })
    await until(() => models.contenders.length === 1 && models.settled)
    await more()
    await until(async () => (await readTraffic(rig.registry, 'tiny')).challengers.length === 0)
    expect(models.contenders).toEqual([])
    await more(10)
  })
  const { ended } = await readTraffic(rig.registry, 'tiny')
  expect(ended[0]).toMatchObject({
    version: 3,
    by: 'guard',
    reason: expect.stringMatching(/maxErrorRate: it failed on/),
  })
  expect((await told('canary_ended')).filter(({ changed_by }) => changed_by === 'guard')).toMatchObject([
    { to_version: 3, reason: ended[0]?.reason },
  ])
  const rows = await rowsFrom(first)
  expect(rows).toHaveLength(320)
  expect(new Set(rows.map(({ model_version }) => model_version))).toEqual(new Set([1]))
  expect(rows.some(({ stood_in_for }) => stood_in_for === 3)).toBe(true)
  expect(await rig.verify()).toMatchObject({ ok: true, findings: [] })
})

test('a challenger that cannot be loaded is taken out of the document, with the reason', async () => {
  rig.broken.add(3)
  await rig.whileScoring(async () => {
    await set(3, {})
    await until(async () => (await readTraffic(rig.registry, 'tiny')).challengers.length === 0)
  })
  rig.broken.delete(3)
  const { ended } = await readTraffic(rig.registry, 'tiny')
  expect(ended[0]).toMatchObject({ version: 3, by: 'driftline score', reason: expect.stringContaining('first run') })
  expect(await told('MODEL_INVALID')).toMatchObject([{ to_version: 3, changed_by: 'ann' }])
})

test('a challenger that is promoted goes on with its own threads', async () => {
  await rig.whileScoring(async (models) => {
    await set(2, { share: 0.3 })
    await until(() => models.contenders.length === 1 && models.settled)
    await more()
    const threads = models.contenders[0]?.live.scorer
    await rig.promote(2, 'it did well')
    await until(() => models.scorer.version === 2)
    expect(models.scorer).toBe(threads)
    expect(rig.started).toEqual([1, 2])
    await more()
    await until(async () => (await readTraffic(rig.registry, 'tiny')).challengers.length === 0)
    await more()
    await rig.promote(1, 'back again')
    await until(() => models.scorer.version === 1)
    await more()
  })
  expect(await rig.verify()).toMatchObject({ ok: true, scored: posts, gaps: 0, duplicates: 0, findings: [] })
  expect((await told('canary_ended')).map(({ reason }) => reason)).toContain('it did well')
})

test('verify finds a post on the wrong side, a stand-in for nobody, and a shadow that nobody started', async () => {
  const client = rig.client()
  const wrong = async (change: string, kind: object) => {
    await client.command({
      query: `INSERT INTO scores SELECT * REPLACE (${change}) 
        FROM (SELECT * FROM scores WHERE shadow = 0 ORDER BY partition, offset LIMIT 1)`,
    })
    const { findings } = await rig.verify()
    expect(findings).toContainEqual(expect.objectContaining({ kind: 'version', ...kind }))
    await client.command({ query: `DELETE FROM scores WHERE batch_id = 'wrong'` })
    expect(await rig.verify()).toMatchObject({ ok: true, findings: [] })
  }
  await wrong(`'wrong' AS batch_id, 2 AS model_version`, { version: 2, recorded: 1 })
  await wrong(`'wrong' AS batch_id, 3 AS stood_in_for`, { version: 1, recorded: 1 })
  await wrong(`'wrong' AS batch_id, 3 AS model_version, 1 AS shadow`, { version: 3, recorded: 0 })
})

test('a challenger is loaded once the registry is back, and stays in the traffic until then', async () => {
  const { openVersion } = rig
  let away = 2
  rig.openVersion = async (name, version, signal) => {
    if (away-- > 0) throw new DriftlineError('REGISTRY_UNAVAILABLE', { reason: 'no answer' })
    return openVersion(name, version, signal)
  }
  await rig.whileScoring(async (models) => {
    await set(2, { share: 0.1 })
    await until(() => running(models).length > 0)
    expect(running(models)).toEqual([[2, 0.1 * slotCount]])
    const { ended } = await readTraffic(rig.registry, 'tiny')
    expect(ended.filter(({ reason }) => reason.includes('no answer'))).toEqual([])
  })
  rig.openVersion = openVersion
})
