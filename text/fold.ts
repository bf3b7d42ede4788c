/** Characters that say the same in another shape, brought to one shape. */

/** Typographic punctuation that NFKC leaves alone, or (´) would turn into a space and a combining mark. */
const punctuation: Readonly<Record<string, string>> = {
  ...each("'", '‘’‚‛′‵´ʹʻʼʽˈ＇'),
  ...each('"', '“”„‟″‶«»＂'),
  ...each('-', '‐‑‒–—―−﹣－'),
}

/** Letter-like signs without a compatibility decomposition: small capitals. */
const smallCapitals: Readonly<Record<string, string>> = Object.fromEntries(
  [...'ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ'].map((sign, index) => [sign, [...'abcdefghijklmnopqrstuvwyz'][index] ?? sign]),
)

/** Cyrillic and Greek letters that are drawn like Latin ones; folded only inside a word that also has Latin letters. */
const homoglyphs: Readonly<Record<string, string>> = zip(
  'аеіјорсухѕһԁԛԝАВЕЅІЈКМНОРСТУХԚԜαορνυικτΑΒΕΖΗΙΚΜΝΟΡΤΥΧ',
  'aeijopcyxshdqwABESIJKMHOPCTYXQWaopvuiktABEZHIKMNOPTYX',
)

function each(to: string, from: string): Record<string, string> {
  return Object.fromEntries([...from].map((sign) => [sign, to]))
}

function zip(from: string, to: string): Record<string, string> {
  const letters = [...to]
  return Object.fromEntries([...from].map((sign, index) => [sign, letters[index] ?? sign]))
}

const anyOf = (table: Readonly<Record<string, string>>): RegExp => new RegExp(`[${Object.keys(table).join('')}]`, 'gu')
const punctuationSigns = anyOf(punctuation)
const smallCapitalSigns = anyOf(smallCapitals)
const homoglyphSigns = anyOf(homoglyphs)

/**
 * What is not drawn, or only changes how its neighbour is drawn: zero-width and bidirectional marks, soft hyphens,
 * variation selectors, skin tones, tag characters, keycap boxes, C0 and C1 controls but white space, U+FFFD, halves of
 * surrogate pairs, and the `ZWJ ♀` that only adds a gender to an emoji.
 */
const invisible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what it looks for
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: the parts of joined emoji are meant one by one
  /\u200D[\u2640\u2642]|[\0-\x08\x0E-\x1F\x7F-\x9F\xAD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u20E3\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFD\u{1BCA0}-\u{1BCA3}\u{1F3FB}-\u{1F3FF}\u{E0000}-\u{E0FFF}\uD800-\uDFFF]/gu

/**
 * Kept as they are: NFKC would turn Korean ㅋ into a bare initial consonant, and spacing marks such as the ¯ of a shrug
 * into a space with a combining mark.
 */
const notForNfkc = /[\u3131-\u318E\xA8\xAF\xB8\u02D8-\u02DD\u203E\u309B\u309C\uFFE3]/
const forNfkc = /[^\u3131-\u318E\xA8\xAF\xB8\u02D8-\u02DD\u203E\u309B\u309C\uFFE3]+/g

const manyDiacritics = /[\u0300-\u036F]{3,}/g
const negativeLetters = /[\u{1F150}-\u{1F169}\u{1F170}-\u{1F189}]/gu
const greekOrCyrillic = /[\u0370-\u052F]/
const latin = /[A-Za-z]/
const words = /\p{L}+/gu

const latinFromNegative = (sign: string): string => {
  const code = sign.codePointAt(0) ?? 0
  return String.fromCharCode(0x41 + code - (code < 0x1f170 ? 0x1f150 : 0x1f170))
}

/** One pass over a text that has characters beyond ASCII. */
export function foldUnicode(text: string): string {
  let folded = text.replace(invisible, '').replace(punctuationSigns, (sign) => punctuation[sign] ?? sign)
  folded = notForNfkc.test(folded)
    ? folded.replace(forNfkc, (part) => part.normalize('NFKC'))
    : folded.normalize('NFKC')
  folded = folded
    .replace(manyDiacritics, '')
    .replace(smallCapitalSigns, (sign) => smallCapitals[sign] ?? sign)
    .replace(negativeLetters, latinFromNegative)
  return greekOrCyrillic.test(folded) && latin.test(folded) ? folded.replace(words, latinWord) : folded
}

/** A word of Russian or Greek stays; one that mixes them with Latin letters is a Latin word in disguise. */
const latinWord = (word: string): string =>
  greekOrCyrillic.test(word) && latin.test(word)
    ? word.replace(homoglyphSigns, (sign) => homoglyphs[sign] ?? sign)
    : word
