import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Registry } from '../registry.ts'
import { endChallenger, readTraffic, setChallenger } from '../traffic.ts'
import { smallModel } from './small-model.ts'

export interface RegistryStore {
  /** Opens the registry of the current test; opened twice, both see the same. */
  open(): Promise<Registry>
  /** Makes the next one empty. */
  reset(): Promise<void>
}

/** What every store of a registry must do. */
export function registryContract(name: string, store: RegistryStore): void {
  describe(name, () => {
    let folder: string
    const made = (title: string, model: Parameters<typeof smallModel>[1]) => smallModel(join(folder, title), model)
    const by = { by: 'ann', reason: 'a test' }
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'driftline-registry-'))
      await made('one', { weights: 'one' })
      await made('two', { weights: 'two' })
      await made('other', { weights: 'one', name: 'other' })
      await made('child', { weights: 'child', parent: 1 })
      await made('unproved', { weights: 'unproved', certificate: 'none' })
      await made('failed', { weights: 'failed', certificate: 'failed' })
    })
    afterAll(() => rm(folder, { recursive: true, force: true }))
    const fresh = async () => {
      await store.reset()
      return store.open()
    }
    const at = (title: string) => join(folder, title)
    const challenger = { mode: 'shadow', share: 0.1, ...by } as const
    /** Something else happens right before or after the next write of a document. */
    const atNextWrite = ({ documents }: Registry, when: 'before' | 'after', meanwhile: () => Promise<unknown>) => {
      const write = documents.write.bind(documents)
      vi.spyOn(documents, 'write').mockImplementationOnce(async (...args) => {
        if (when === 'before') await meanwhile()
        const revision = await write(...args)
        if (when === 'after') await meanwhile()
        return revision
      })
    }

    test('an empty registry has no names, versions, aliases or changes', async () => {
      const registry = await fresh()
      expect(await registry.names()).toEqual([])
      expect(await registry.versions('tiny')).toEqual([])
      expect(await registry.aliases('tiny')).toEqual({ change: 0, at: {} })
      expect(await registry.audit('tiny')).toEqual([])
      await expect(registry.open('tiny', 1)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' })
    })

    test('each publication gets the next number of its model, and what is stored says so', async () => {
      const registry = await fresh()
      expect(await registry.publish(at('one'))).toEqual({ name: 'tiny', version: 1, created: true })
      expect(await registry.publish(at('two'))).toEqual({ name: 'tiny', version: 2, created: true })
      expect(await registry.publish(at('other'))).toEqual({ name: 'other', version: 1, created: true })
      const again = await store.open()
      expect(await again.names()).toEqual(['other', 'tiny'])
      expect(await again.versions('tiny')).toEqual([1, 2])
      const { manifest, onnx } = await again.open('tiny', 2)
      expect(manifest).toMatchObject({ name: 'tiny', version: 2 })
      expect(Buffer.from(onnx).toString()).toBe('two')
    })

    test('the same directory again is the same version', async () => {
      const registry = await fresh()
      await registry.publish(at('one'))
      await registry.publish(at('two'))
      expect(await registry.publish(at('one'))).toEqual({ name: 'tiny', version: 1, created: false })
      expect(await registry.versions('tiny')).toEqual([1, 2])
    })

    test('publishers that race each get a number of their own, or the same one for the same files', async () => {
      await fresh()
      const publishers = await Promise.all(Array.from({ length: 10 }, () => store.open()))
      const published = await Promise.all(
        publishers.map((registry, index) => registry.publish(at(index % 2 === 0 ? 'one' : 'two'))),
      )
      expect(published.filter(({ created }) => created).length).toBe(2)
      expect(new Set(published.map(({ version }, index) => `${index % 2} ${version}`)).size).toBe(2)
    })

    test('an alias moves only from where the caller saw it', async () => {
      const registry = await fresh()
      await registry.publish(at('one'))
      await registry.publish(at('two'))
      await registry.setAlias('tiny', 'champion', 1, { expected: undefined, ...by })
      await registry.setAlias('tiny', 'champion', 2, { expected: 1, ...by })
      await expect(registry.setAlias('tiny', 'champion', 1, { expected: 1, ...by })).rejects.toMatchObject({
        code: 'ALIAS_MOVED',
        details: { expected: 1, found: 2 },
      })
      await expect(registry.setAlias('tiny', 'champion', 1, { expected: undefined, ...by })).rejects.toMatchObject({
        code: 'ALIAS_MOVED',
      })
      expect((await registry.aliases('tiny')).at).toEqual({ champion: 2, previous: 1 })
    })

    test('the audit tells who moved what, when, from where, to where and why', async () => {
      const registry = await fresh()
      await registry.publish(at('one'))
      await registry.publish(at('two'))
      const from = Date.now()
      await registry.setAlias('tiny', 'champion', 1, { expected: undefined, by: 'ann', reason: 'first' })
      await registry.setAlias('tiny', 'challenger', 2, { expected: undefined, by: 'bob', reason: 'try it' })
      const to = Date.now()
      const audit = await (await store.open()).audit('tiny')
      expect(audit).toMatchObject([
        { change: 1, by: 'ann', alias: 'champion', from: null, to: 1, reason: 'first', forced: false },
        { change: 2, by: 'bob', alias: 'challenger', from: null, to: 2, reason: 'try it', forced: false },
      ])
      for (const when of audit.map(({ at: moved }) => Date.parse(moved))) {
        expect(when).toBeGreaterThanOrEqual(from)
        expect(when).toBeLessThanOrEqual(to)
      }
    })

    test('an alias takes no version that is unknown, and none without a passing certificate unless forced', async () => {
      const registry = await fresh()
      await registry.publish(at('one'))
      await registry.publish(at('unproved'))
      await registry.publish(at('failed'))
      const to = (version: number, more: { force?: boolean; reason?: string } = {}) =>
        registry.setAlias('tiny', 'champion', version, { expected: undefined, by: 'ann', reason: '', ...more })
      await expect(to(9)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' })
      await expect(to(2)).rejects.toMatchObject({ code: 'CERTIFICATE_MISSING' })
      await expect(to(3, { reason: 'no force' })).rejects.toMatchObject({ code: 'CERTIFICATE_MISSING' })
      await expect(to(3, { force: true })).rejects.toMatchObject({ code: 'CERTIFICATE_MISSING' })
      expect(await registry.aliases('tiny')).toEqual({ change: 0, at: {} })
      expect(await to(3, { force: true, reason: 'an experiment' })).toMatchObject({ to: 3, forced: true })
      await expect(registry.aliases('../tiny')).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('one of many writers moves an alias, and a change elsewhere hinders none', async () => {
      const registry = await fresh()
      await registry.publish(at('one'))
      await registry.publish(at('two'))
      const writers = Array.from({ length: 8 }, (_, index) => index)
      const moves = await Promise.allSettled(
        writers.map((writer) =>
          registry.setAlias('tiny', 'champion', 1 + (writer % 2), {
            expected: undefined,
            ...by,
            by: `writer ${writer}`,
          }),
        ),
      )
      expect(moves.filter(({ status }) => status === 'fulfilled').length).toBe(1)
      await Promise.all(
        writers.map((writer) => registry.setAlias('tiny', `canary-${writer}`, 1, { expected: undefined, ...by })),
      )
      expect((await registry.audit('tiny')).map(({ change }) => change)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    })

    test('the last move of an alias is found behind moves of others and removals', async () => {
      const registry = await fresh()
      for (const path of ['one', 'two', 'unproved']) await registry.publish(at(path))
      expect(await registry.lastMove('tiny', 'champion')).toBeUndefined()
      await registry.setAlias('tiny', 'champion', 1, { expected: undefined, ...by })
      await registry.setAlias('tiny', 'champion', 2, { expected: 1, ...by })
      await registry.setAlias('tiny', 'canary', 1, { expected: undefined, ...by })
      await registry.remove('tiny', 3, { by: 'bob', reason: 'never used' })
      expect(await registry.lastMove('tiny', 'champion')).toMatchObject({ change: 2, from: 1, to: 2 })
      expect(await registry.lastMove('tiny', 'canary')).toMatchObject({ change: 3, to: 1 })
      expect(await registry.lastMove('tiny', 'shadow')).toBeUndefined()
    })

    test('a version that is removed is gone, its number is not given out again, and the log tells who and why', async () => {
      const registry = await fresh()
      await registry.publish(at('one'))
      await registry.publish(at('two'))
      await registry.setAlias('tiny', 'champion', 1, { expected: undefined, ...by })
      await registry.remove('tiny', 2, { by: 'bob', reason: 'never used' })
      const again = await store.open()
      expect(await again.versions('tiny')).toEqual([1])
      const unknown = { code: 'VERSION_UNKNOWN' }
      await expect(again.open('tiny', 2)).rejects.toMatchObject(unknown)
      await expect(again.remove('tiny', 2, by)).rejects.toMatchObject(unknown)
      await expect(again.setAlias('tiny', 'challenger', 2, { expected: undefined, ...by })).rejects.toMatchObject(
        unknown,
      )
      expect(await again.log('tiny')).toMatchObject([{ to: 1 }, { remove: 2, by: 'bob', reason: 'never used' }])
      expect(await again.aliases('tiny')).toEqual({ change: 2, at: { champion: 1 } })
      expect((await again.audit('tiny')).map(({ change }) => change)).toEqual([1])
      expect(await again.publish(at('two'))).toMatchObject({ version: 3, created: true })
      await again.setAlias('tiny', 'champion', 3, { expected: 1, ...by })
      expect((await again.aliases('tiny')).at).toEqual({ champion: 3, previous: 1 })
      expect(await again.leftovers()).toEqual([])
    })

    test('a version that an alias points to stays, and so does one that is removed without a reason', async () => {
      const registry = await fresh()
      await registry.publish(at('one'))
      await registry.setAlias('tiny', 'champion', 1, { expected: undefined, ...by })
      const inUse = { code: 'VERSION_IN_USE', details: { uses: ['alias champion'] } }
      await expect(registry.remove('tiny', 1, by)).rejects.toMatchObject(inUse)
      await expect(registry.remove('tiny', 1, { by: 'ann', reason: '' })).rejects.toMatchObject({ code: 'USAGE' })
      await expect(registry.remove('tiny', 7, by)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' })
      expect(await registry.versions('tiny')).toEqual([1])
    })

    test('of a removal and an alias that race for a version one wins, and no alias points to nothing', async () => {
      await fresh()
      const [ann, bob] = [await store.open(), await store.open()]
      await ann.publish(at('one'))
      for (let round = 0; round < 10; round++) {
        const { version } = await ann.publish(at('two'))
        const alias = `round-${round}`
        const outcomes = await Promise.allSettled([
          ann.remove('tiny', version, by),
          bob.setAlias('tiny', alias, version, { expected: undefined, ...by }),
        ])
        expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1)
        const { at: aliases } = await ann.aliases('tiny')
        expect((await bob.versions('tiny')).includes(version)).toBe(aliases[alias] === version)
        if (aliases[alias] !== version) continue
        await ann.setAlias('tiny', alias, 1, { expected: version, ...by })
        await ann.remove('tiny', version, by)
      }
    })

    test('of a removal and a challenger that race for a version one wins, and no challenger is a version that is gone', async () => {
      await fresh()
      const [ann, bob] = [await store.open(), await store.open()]
      for (let round = 0; round < 10; round++) {
        const { version } = await ann.publish(at('two'))
        const outcomes = await Promise.allSettled([
          ann.remove('tiny', version, by),
          setChallenger(bob, 'tiny', { ...challenger, version }),
        ])
        expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
        const { challengers } = await readTraffic(ann, 'tiny')
        expect(challengers.map(({ version }) => version)).toEqual(await bob.versions('tiny'))
        if (challengers.length === 0) continue
        await endChallenger(ann, 'tiny', version, by)
        await ann.remove('tiny', version, by)
      }
    })

    test.each(['before', 'after'] as const)(
      'what comes to be used right %s a removal has fenced the traffic stays, and so does its parent',
      async (when) => {
        await fresh()
        const [ann, bob] = [await store.open(), await store.open()]
        for (const path of ['one', 'two', 'child']) await ann.publish(at(path))
        const start = (version: number) => () => setChallenger(bob, 'tiny', { ...challenger, version })
        const crown = () => bob.setAlias('tiny', 'champion', 3, { expected: undefined, ...by })
        const outcome = async (version: number, meanwhile: () => Promise<unknown>) => {
          atNextWrite(ann, when, meanwhile)
          await expect(ann.remove('tiny', version, by)).rejects.toMatchObject({ code: 'VERSION_IN_USE' })
          expect(await bob.versions('tiny')).toEqual([1, 2, 3])
          await endChallenger(bob, 'tiny', version, by)
          await endChallenger(bob, 'tiny', 3, by)
        }
        await outcome(2, start(2))
        await outcome(1, start(3))
        await outcome(1, crown)
      },
    )

    test('a challenger that is about to be written when its version goes is refused, and was never there', async () => {
      await fresh()
      const [ann, bob] = [await store.open(), await store.open()]
      await ann.publish(at('one'))
      atNextWrite(bob, 'before', () => ann.remove('tiny', 1, by))
      const starting = setChallenger(bob, 'tiny', { ...challenger, version: 1 })
      await expect(starting).rejects.toMatchObject({ code: 'VERSION_UNKNOWN', details: { reason: 'it was removed' } })
      expect(await readTraffic(ann, 'tiny')).toMatchObject({ challengers: [] })
      expect(await ann.log('tiny')).toMatchObject([{ challenge: 1, by: 'ann' }, { remove: 1 }])
      expect(await ann.audit('tiny')).toEqual([])
    })

    test('a document moves only from the revision that the caller read', async () => {
      const { documents } = await fresh()
      expect(await documents.read('tiny', 'traffic')).toBeUndefined()
      expect(await documents.write('tiny', 'traffic', { share: 0.1 }, 0)).toBe(1)
      expect(await documents.write('tiny', 'traffic', { share: 0.2 }, 1)).toBe(2)
      const moved = { code: 'DOCUMENT_MOVED', details: { found: 2 } }
      for (const stale of [0, 1, 3]) {
        await expect(documents.write('tiny', 'traffic', { share: 0.3 }, stale)).rejects.toMatchObject(moved)
      }
      const other = (await store.open()).documents
      expect(await other.read('tiny', 'traffic')).toEqual({ revision: 2, value: { share: 0.2 } })
      expect(await other.read('tiny', 'lock')).toBeUndefined()
      expect(await other.read('other', 'traffic')).toBeUndefined()
      await expect(other.read('tiny', '../traffic')).rejects.toMatchObject({ code: 'USAGE' })
    })

    test('a revision that is long gone cannot be written again', async () => {
      const { documents } = await fresh()
      for (let revision = 0; revision < 50; revision++) await documents.write('tiny', 'state', revision, revision)
      for (const stale of [0, 1, 20, 41]) {
        await expect(documents.write('tiny', 'state', 'stale', stale)).rejects.toMatchObject({ code: 'DOCUMENT_MOVED' })
      }
      expect(await documents.read('tiny', 'state')).toEqual({ revision: 50, value: 49 })
    })

    test('of many writers of a document one wins each revision, and readers never see it go back or away', async () => {
      await fresh()
      const rounds = 60
      const [writers, readers] = [
        await Promise.all([1, 2, 3].map(store.open)),
        await Promise.all([1, 2].map(store.open)),
      ]
      await writers[0]?.documents.write('tiny', 'counter', [], 0)
      let writing = true
      const seen = readers.map(async ({ documents }) => {
        for (let last = 1; writing; ) {
          const stored = await documents.read('tiny', 'counter')
          expect(stored?.revision).toBeGreaterThanOrEqual(last)
          last = stored?.revision ?? 0
          expect(stored?.value).toHaveLength(last - 1)
        }
      })
      const won = await Promise.all(
        writers.map(async ({ documents }, writer) => {
          for (let wins = 0; ; ) {
            const stored = await documents.read('tiny', 'counter')
            if (!Array.isArray(stored?.value)) throw new Error('the document went missing')
            if (stored.revision > rounds) return wins
            try {
              await documents.write('tiny', 'counter', [...stored.value, writer], stored.revision)
              wins++
            } catch (error) {
              expect(error).toMatchObject({ code: 'DOCUMENT_MOVED' })
            }
          }
        }),
      )
      writing = false
      await Promise.all(seen)
      const stored = await writers[0]?.documents.read('tiny', 'counter')
      expect(stored?.revision).toBe(rounds + 1)
      expect(won.map((_, writer) => [stored?.value].flat(2).filter((by) => by === writer).length)).toEqual(won)
    })
  })
}
