import { expect, test } from 'vitest'
import { WordCache } from './word-cache.ts'

test('what is asked for stays, what is not is forgotten, and no more than two generations are held', () => {
  const cache = new WordCache<{ word: string }>(10)
  cache.set('often', { word: 'often' })
  cache.set('once', { word: 'once' })
  for (let index = 0; index < 1000; index++) {
    cache.set(`word ${index}`, { word: `word ${index}` })
    if (index % 5 === 0) expect(cache.get('often')).toEqual({ word: 'often' })
  }
  expect(cache.get('once')).toBeUndefined()
  const held = Array.from({ length: 1000 }, (_, index) => cache.get(`word ${index}`)).filter(
    (value) => value !== undefined,
  )
  expect(held.length).toBeGreaterThan(0)
  expect(held.length).toBeLessThanOrEqual(20)
})
