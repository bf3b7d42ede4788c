import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signalsOf } from './signals.ts'

test('hashtags are lower case, without the sign, each once, in any script', () => {
  expect(signalsOf('#Love #LOVE ＃Ünïque #日本 #भारत #a_b1 x#no &#39; http://a.b/#frag #1 #2nd').hashtags).toEqual([
    'love',
    'ünïque',
    '日本',
    'भारत',
    'a_b1',
    '2nd',
  ])
})

test('what stands out is counted', () => {
  expect(signalsOf('OMG @a @b: sooooo GOOD!!! why?? http://t.co/x www.b.c me@x.org #Yes 👍🏽👨‍👩‍👧🇺🇸').counts).toEqual({
    urls: 2,
    mentions: 2,
    hashtags: 1,
    emoji: 3,
    elongated: 2,
    upper_case: 2,
    exclamations: 3,
    questions: 2,
  })
})

test('a plain text has nothing to count', () => {
  const { hashtags, counts } = signalsOf('I think it is fine.')
  expect(hashtags).toEqual([])
  expect(Object.values(counts)).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
})

test('any text has signals, and its hashtags are lower case', () => {
  const unit = fc.oneof(
    fc.constantFrom('#', '＃', 'A', 'İ', 'ß', '😂', '\uD83D', '_', '1', ' '),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(fc.array(unit), (units) => {
      const { hashtags, counts } = signalsOf(units.join(''))
      for (const hashtag of hashtags) expect(hashtag).toBe(hashtag.toLowerCase())
      expect(new Set(hashtags).size).toBe(hashtags.length)
      expect(counts.hashtags).toBeGreaterThanOrEqual(hashtags.length)
    }),
    { numRuns: 2_000 },
  )
})
