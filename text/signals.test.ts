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

test('capitals beyond ASCII, and runs of letters in any script, are counted', () => {
  expect(signalsOf('ÄÖ ÉA AÉ ПРИВЕТ Hi 𝐀𝐁 дааа ΑΑΑ').counts).toMatchObject({ upper_case: 6, elongated: 2 })
  expect(signalsOf('100000 ... A B İİ').counts).toMatchObject({ upper_case: 1, elongated: 0 })
})

const unit = fc.oneof(
  fc.constantFrom(
    '#',
    '＃',
    'A',
    'Ä',
    'İ',
    'ß',
    '😂',
    '\uD83D',
    '_',
    '1',
    ' ',
    '@',
    '/',
    'www.',
    'http://',
    'aaa',
    '©',
    '!',
    '?',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
)
const texts = fc.array(unit, { maxLength: 20 }).map((units) => units.join(''))

test('any text has signals, and its hashtags are lower case', () => {
  fc.assert(
    fc.property(texts, (text) => {
      const { hashtags, counts } = signalsOf(text)
      for (const hashtag of hashtags) expect(hashtag).toBe(hashtag.toLowerCase())
      expect(new Set(hashtags).size).toBe(hashtags.length)
      expect(counts.hashtags).toBeGreaterThanOrEqual(hashtags.length)
    }),
    { numRuns: 2_000 },
  )
})

test('what is counted in a text does not depend on what else is in the post', () => {
  const everything = 'yesss #tag @me http://a.b BIG 🔥 !?'
  const apart = signalsOf(everything).counts
  expect(Object.values(apart).every((count) => count === 1)).toBe(true)
  fc.assert(
    fc.property(texts, (text) => {
      const alone = signalsOf(text).counts
      for (const [name, count] of Object.entries(signalsOf(`${text} ${everything}`).counts)) {
        expect([name, count]).toEqual([name, (alone[name as keyof typeof alone] ?? 0) + 1])
      }
    }),
    { numRuns: 5_000 },
  )
})
