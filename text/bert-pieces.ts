import { WordCache } from './word-cache.ts'

export interface BertPiecesOptions {
  /** The library's ids of a text, without special tokens. */
  readonly idsOf: (text: string) => readonly number[]
  readonly vocabulary: ReadonlyMap<string, number>
  readonly unknownId: number
  readonly lowerCase: boolean
  /** Marks a piece that continues a word, `##`. */
  readonly prefix: string
  /** A longer word, in characters, is unknown. */
  readonly maxWordLength: number
  /** Contents, printable ASCII without spaces. */
  readonly addedTokens: readonly string[]
}

/**
 * @param limit how many ids are wanted: it may stop once it has more
 * @returns a new array
 */
export type BertPieces = (text: string, limit: number) => number[]

/** Two full generations take about 16 MB a thread. A miss costs 1 to 2 µs, so more would not pay. */
const cachedWords = 1 << 15
/** What is longer is nearly never seen twice. */
const longestCached = 48

const Kind = { elsewhere: 0, word: 1, sign: 2 } as const

/**
 * BERT's tokenisation (BertNormalizer, BertPreTokenizer, WordPiece) with a cache of words. No step of it looks past a
 * space, so the ids of a text are those of its words in a row. Words of ASCII letters, digits and signs are cut here;
 * a word with anything else, or with the first character of an added token, is the library's, once.
 */
export function bertPieces(options: BertPiecesOptions): BertPieces {
  const { vocabulary, unknownId, prefix, idsOf } = options
  const kinds = kindsOf(options.addedTokens)
  const signIds = Int32Array.from(kinds, (_, code) => vocabulary.get(String.fromCharCode(code)) ?? unknownId)
  const cache = new WordCache<readonly number[]>(cachedWords)

  const remembered = (word: string, compute: (word: string) => readonly number[]): readonly number[] => {
    const known = cache.get(word)
    if (known !== undefined) return known
    const ids = compute(word)
    if (word.length <= longestCached) cache.set(detached(word), ids)
    return ids
  }

  const wordPieces = (cased: string): readonly number[] => {
    const word = options.lowerCase ? cased.toLowerCase() : cased
    if (word.length > options.maxWordLength) return [unknownId]
    const ids: number[] = []
    for (let start = 0; start < word.length; ) {
      let end = word.length
      let id: number | undefined
      for (; end > start; end--) {
        const piece = word.slice(start, end)
        id = vocabulary.get(start === 0 ? piece : prefix + piece)
        if (id !== undefined) break
      }
      if (id === undefined) return [unknownId]
      ids.push(id)
      start = end
    }
    return ids
  }

  return (text, limit) => {
    const ids: number[] = []
    let start = 0
    while (start < text.length && ids.length <= limit) {
      if (text.charCodeAt(start) === 0x20) {
        start++
        continue
      }
      const idsBefore = ids.length
      let at = start
      for (; at < text.length; ) {
        const code = text.charCodeAt(at)
        if (code === 0x20) break
        const kind = code < 0x80 ? kinds[code] : Kind.elsewhere
        if (kind === Kind.sign) {
          ids.push(signIds[code] ?? unknownId)
          at++
        } else if (kind === Kind.word) {
          const wordStart = at
          do at++
          while (at < text.length && kinds[text.charCodeAt(at)] === Kind.word)
          for (const id of remembered(text.slice(wordStart, at), wordPieces)) ids.push(id)
        } else {
          ids.length = idsBefore
          at = text.indexOf(' ', at)
          if (at < 0) at = text.length
          for (const id of remembered(text.slice(start, at), idsOf)) ids.push(id)
        }
      }
      start = at
    }
    return ids
  }
}

/** A copy where V8 would keep the whole post alive for a slice of it (13 characters and more). */
const detached = (word: string): string => (word.length < 13 ? word : Buffer.from(word, 'utf16le').toString('utf16le'))

function kindsOf(addedTokens: readonly string[]): Uint8Array {
  const kinds = new Uint8Array(128).fill(Kind.sign, 0x21, 0x7f)
  for (const [first, last] of ['09', 'AZ', 'az'])
    kinds.fill(Kind.word, first?.charCodeAt(0), (last?.charCodeAt(0) ?? 0) + 1)
  for (const token of addedTokens) {
    for (const first of [token.charAt(0), token.charAt(0).toLowerCase(), token.charAt(0).toUpperCase()]) {
      kinds[first.charCodeAt(0)] = Kind.elsewhere
    }
  }
  return kinds
}
