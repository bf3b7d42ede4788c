import { decode } from 'html-entities'
import { replaceEmoticons } from './emoticons.ts'
import { foldUnicode } from './fold.ts'

/**
 * Normaliser `social-1`: brings a post to the form that models are trained on and scored with. Its behaviour is frozen,
 * because a model's accuracy depends on it; an improvement is a new normaliser with a name of its own.
 *
 * - HTML entities are decoded (however often they were encoded), invisible characters removed, fancy letters folded
 * - a URL becomes `http` and a mention `@user`, as in the TweetEval benchmark; a row of either becomes one; an e-mail
 *   address becomes `[email]`
 * - an emoticon becomes its emoji, an emoji a word of its own without skin tone and gender
 * - `#NeverAgain_please` becomes `#Never Again please`
 * - `soooo` becomes `soo`, `hahahaha` `haha`, `!!!!!!` `!!!`; digits stay
 * - white space becomes single spaces, none at the ends
 *
 * It is pure and idempotent and never throws; the result may be empty.
 *
 * @param text any string, lone surrogates included
 */
export function normaliseSocial1(text: string): string {
  // Nearly every text is stable after the first pass. What one step uncovers for another (`&#64;me`, `&gggg;`, `ｗww.`)
  // takes a second; only deliberate nesting takes more, and ends here.
  let current = text
  for (let pass = 0; pass < maxPasses; pass++) {
    const needs = inspect(current)
    if (needs === 0) return current
    const next = onePass(current, needs)
    if (next === current) return current
    current = next
  }
  return current
}

const maxPasses = 32

const Need = {
  spaces: 1,
  unicode: 2,
  emoji: 4,
  entities: 8,
  urls: 16,
  mentions: 32,
  hashtags: 64,
  emoticons: 128,
  runs: 256,
} as const

/** By ASCII code: the step that a character alone can call for. */
const asciiNeeds = new Uint16Array(128)
asciiNeeds.fill(Need.unicode, 0, 0x09).fill(Need.spaces, 0x09, 0x0e).fill(Need.unicode, 0x0e, 0x20)
for (const [signs, need] of [
  ['\x7f', Need.unicode],
  ['&', Need.entities],
  ['/', Need.urls],
  ['@', Need.mentions],
  ['#', Need.hashtags],
  [':;=<', Need.emoticons],
] as const) {
  for (const sign of signs) asciiNeeds[sign.charCodeAt(0)] = need
}

/**
 * Which steps a text needs, found in one look at each character: most posts are ASCII and need two of nine. It may
 * name a step that then changes nothing.
 */
function inspect(text: string): number {
  let needs = 0
  let previous = 0x20 // so that a leading space counts as a double one
  let beforePrevious = 0
  let same = 1 // length of the run of equal characters that ends here
  let alternating = 2 // length of the run with period two that ends here
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x80) needs |= asciiNeeds[code] ?? 0
    else {
      needs |= Need.unicode
      if (mayBeEmoji(code)) needs |= Need.emoji
    }
    const folded = code | 0x20 // lower case; that it also makes some signs equal costs a needless step at worst
    if (folded === previous) {
      same++
      if (same >= 3 && (folded >= 0x61 || same >= 4)) needs |= Need.runs
      else if (folded === 0x20) needs |= Need.spaces
    } else same = 1
    if (folded === beforePrevious) {
      alternating++
      if (alternating >= 6) needs |= Need.runs
    } else alternating = 2
    beforePrevious = previous
    previous = folded
  }
  return previous === 0x20 ? needs | Need.spaces : needs
}

/** First half of every pictograph's surrogate pair, or a symbol of the basic plane. */
const mayBeEmoji = (code: number): boolean =>
  (code >= 0x203c && code <= 0x3299) || (code >= 0xd83c && code <= 0xd83e) || code === 0xa9 || code === 0xae

function onePass(original: string, firstNeeds: number): string {
  let text = original
  let needs = firstNeeds
  if ((needs & (Need.unicode | Need.entities)) !== 0) {
    if ((needs & Need.unicode) !== 0) text = foldUnicode(text)
    if ((needs & Need.entities) !== 0) text = decodeEntities(text)
    needs = inspect(text) | (needs & Need.unicode)
  }
  // `www.` shows only as a run of equal letters
  if ((needs & (Need.urls | Need.runs)) !== 0) text = replaceUrls(text)
  if ((needs & Need.mentions) !== 0) text = replaceMentions(text)
  if ((needs & Need.hashtags) !== 0) text = text.replace(hashtags, segmentHashtag)
  if ((needs & Need.emoticons) !== 0) text = replaceEmoticons(text)
  if ((needs & Need.runs) !== 0) text = squeezeRuns(text)
  if ((needs & Need.emoji) !== 0) text = text.replace(emoji, ' $& ')
  text = text.replace(spaces, ' ').trim()
  return (needs & Need.emoji) !== 0 ? text.replace(emojiRow, '$1 $1 $1') : text
}

const spaces = /\s+/g

/** Until nothing changes: what was escaped twice on its way is common in exports. Only forms with a semicolon. */
function decodeEntities(text: string): string {
  let current = text
  for (;;) {
    const next = decode(current, { scope: 'strict' })
    if (next === current) return current // an entity is longer than what it stands for, so this ends
    current = next
  }
}

// Every repetition below starts at the beginning of a word, so that a hostile text costs linear time.
const fullUrls = /https?:\/\/[!#-;=?-~]*/gi
const bareUrls =
  /(?<![\w.-])(?:www\.[a-z0-9]|(?:[a-z0-9-]+\.)+(?:com|org|net|co|ly|gl|gd|me|tv|be|io|it|us|uk|fm|in|de|fr)\/)[!#-;=?-~]*/gi
const urlRow = / http (?:\s*http )+/g

const replaceUrls = (text: string): string => {
  const replaced = text.replace(fullUrls, ' http ').replace(bareUrls, ' http ')
  return replaced === text ? text : replaced.replace(urlRow, ' http ')
}

const emails = /(?<![\w.+@-])[\w.+-]*\w@[\w-]+(?:\.[\w-]+)+/g
const mayHoldEmail = /\w@\w/

/** `@name`, Mastodon's `@name@server.tld`, Bluesky's `@name.bsky.social`. */
const mention = /@\w+(?:@[\w-]+(?:\.[\w-]+)+|(?:\.[\w-]+)*\.bsky\.social)?/
const mentions = new RegExp(`(?<![\\w@])${mention.source}(?:\\s+${mention.source})*`, 'g')

const replaceMentions = (text: string): string =>
  (mayHoldEmail.test(text) ? text.replace(emails, '[email]') : text).replace(mentions, '@user')

const hashtags = /(?<![\w&])#\w+/g
const wordStarts = /_+|(?<=[a-z])(?=[A-Z])|(?<=\d)(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z]{2})/g
const segmentHashtag = (hashtag: string): string => hashtag.replace(wordStarts, ' ')

const emoji = /\p{Regional_Indicator}{2}|\p{Extended_Pictographic}/gu
const emojiRow = /(\p{Regional_Indicator}{2}|\p{Extended_Pictographic})(?: \1){3,}/gu

const letterRun = /([a-z])\1{2,}/gi
const anyLetterRun = /(\p{L})\1{2,}/gu
const signRun = /([^\p{L}\p{N}\s])\1{3,}/gu
const pairRun = /([^\d\s][^\d\s])\1{2,}/giu

/** Letters to two and signs to three, as in `soo` and `!!!`; pairs of characters to two, as in `haha`. Digits count. */
const squeezeRuns = (text: string): string =>
  text.replace(letterRun, '$1$1').replace(anyLetterRun, '$1$1').replace(signRun, '$1$1$1').replace(pairRun, '$1$1')
