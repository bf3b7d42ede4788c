/** What a post shows besides its words. Counts are of the text as it was written. */
export interface Signals {
  /** Lower case, without the '#', each once, in order of appearance; at most 32. */
  readonly hashtags: readonly string[]
  readonly counts: Readonly<Record<SignalName, number>>
}

export type SignalName =
  | 'urls'
  | 'mentions'
  | 'hashtags'
  | 'emoji'
  | 'elongated'
  | 'upper_case'
  | 'exclamations'
  | 'questions'

const mostHashtags = 32

// A hashtag holds a letter (`#1` is a rank), may mix scripts, and does not start inside a word or an address.
const hashtagPattern = /(?<![\p{L}\p{N}_&/])[#＃](?=[\p{N}_]*\p{L})[\p{L}\p{M}\p{N}_]+/gu
const urlPattern = /https?:\/\/\S|(?<![\w.-])www\.\w/gi
const mentionPattern = /(?<![\w@])@\w/g
const emojiPattern =
  /\p{Regional_Indicator}{2}|\p{Extended_Pictographic}(?:[\uFE0F\u{1F3FB}-\u{1F3FF}]|\u200D\p{Extended_Pictographic})*/gu
const elongatedPattern = /(\p{L})\1{2,}/giu
const upperCasePattern = /(?<![\p{L}\p{N}@#_])\p{Lu}{2,}(?![\p{L}\p{N}_])/gu

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

/** What a character alone may be part of. */
const May = {
  hashtag: 1,
  mention: 2,
  url: 4,
  emoji: 8,
  elongated: 16,
  upperCase: 32,
  exclamation: 64,
  question: 128,
} as const

const asciiMay = new Uint8Array(128)
asciiMay.fill(May.upperCase, 0x41, 0x5b)
for (const [sign, may] of [
  ['#', May.hashtag],
  ['@', May.mention],
  ['/', May.url],
  ['!', May.exclamation],
  ['?', May.question],
] as const) {
  asciiMay[sign.charCodeAt(0)] = may
}

/**
 * `upper_case` counts words of two or more capitals; `elongated` places where a letter stands three times or more in a
 * row; an emoji with its skin tone or joined parts is one.
 */
export function signalsOf(text: string): Signals {
  // One look at each character, so that a pattern runs only where it can match: most posts need two of six.
  let seen = 0
  let exclamations = 0
  let questions = 0
  let same = 1
  let previous = 0
  let previousMay = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const may = code < 0x80 ? (asciiMay[code] ?? 0) : beyondAscii(code)
    if (may !== 0) {
      if (may === May.exclamation) exclamations++
      else if (may === May.question) questions++
      // one capital is no upper case
      else seen |= (may & May.upperCase) !== 0 && (previousMay & May.upperCase) === 0 ? may & ~May.upperCase : may
    }
    previousMay = may
    const folded = code | 0x20
    same = folded === previous ? same + 1 : 1
    if (same >= 3 && folded >= 0x61) seen |= May.elongated | May.url // `www.`
    previous = folded
  }

  const hashtags = (seen & May.hashtag) !== 0 ? (text.match(hashtagPattern) ?? []) : []
  return {
    hashtags: [...new Set(hashtags.map((tag) => tag.slice(1).normalize('NFKC').toLowerCase()))].slice(0, mostHashtags),
    counts: {
      urls: (seen & May.url) !== 0 ? count(text, urlPattern) : 0,
      mentions: (seen & May.mention) !== 0 ? count(text, mentionPattern) : 0,
      hashtags: hashtags.length,
      emoji: (seen & May.emoji) !== 0 ? count(text, emojiPattern) : 0,
      elongated: (seen & May.elongated) !== 0 ? count(text, elongatedPattern) : 0,
      upper_case: (seen & May.upperCase) !== 0 ? count(text, upperCasePattern) : 0,
      exclamations,
      questions,
    },
  }
}

/** Any letter from À on may be a capital; © and ® are emoji, as much from ‼ on may be. */
function beyondAscii(code: number): number {
  if (code === 0xff03) return May.hashtag
  return (code >= 0xc0 ? May.upperCase : 0) | (code === 0xa9 || code === 0xae || code >= 0x203c ? May.emoji : 0)
}
