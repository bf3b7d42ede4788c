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

/**
 * `upper_case` counts words of two or more capitals; `elongated` places where a letter stands three times or more in a
 * row; an emoji with its skin tone or joined parts is one.
 */
export function signalsOf(text: string): Signals {
  const signs = glance(text)
  const hashtags = signs.hash ? (text.match(hashtagPattern) ?? []) : []
  return {
    hashtags: [...new Set(hashtags.map((tag) => tag.slice(1).normalize('NFKC').toLowerCase()))].slice(0, mostHashtags),
    counts: {
      urls: signs.slashOrRun ? count(text, urlPattern) : 0,
      mentions: signs.at ? count(text, mentionPattern) : 0,
      hashtags: hashtags.length,
      emoji: signs.symbol ? count(text, emojiPattern) : 0,
      elongated: signs.run ? count(text, elongatedPattern) : 0,
      upper_case: signs.capitals ? count(text, upperCasePattern) : 0,
      exclamations: signs.exclamations,
      questions: signs.questions,
    },
  }
}

/** One look at each character, so that a pattern runs only where it can match: most posts need two of six. */
function glance(text: string) {
  const signs = { hash: false, at: false, slashOrRun: false, run: false, symbol: false, capitals: false }
  let exclamations = 0
  let questions = 0
  let same = 1
  let previous = 0
  let previousIsCapital = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const folded = code | 0x20
    same = folded === previous ? same + 1 : 1
    previous = folded
    const isCapital = (code >= 0x41 && code <= 0x5a) || code >= 0xc0
    if (isCapital && previousIsCapital) signs.capitals = true
    previousIsCapital = isCapital
    if (same >= 3) signs.run = true
    if (code === 0x21) exclamations++
    else if (code === 0x3f) questions++
    else if (code === 0x23 || code === 0xff03) signs.hash = true
    else if (code === 0x40) signs.at = true
    else if (code === 0x2f) signs.slashOrRun = true
    else if (code === 0xa9 || code === 0xae || code >= 0x203c) signs.symbol = true
  }
  if (signs.run) signs.slashOrRun = true // `www.`
  return { ...signs, exclamations, questions }
}
