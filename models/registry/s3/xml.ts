/** A page of the answer to ListObjectsV2. */
export interface Listing {
  readonly objects: readonly {
    readonly key: string
    readonly etag: string
    readonly bytes: number
    /** Milliseconds since it was written, by the clock of the store. */
    readonly ageMs: number
  }[]
  readonly prefixes: readonly string[]
  /** Token of the next page. */
  readonly next: string | undefined
}

/**
 * The flat XML of S3, of which we read five elements, in listings of keys that hold nothing to escape. A parser of all of
 * XML would bring entities and attributes that must then be guarded against.
 *
 * @param nowMs the store's time, from the `Date` of its answer
 */
export function listingOf(xml: string, nowMs: number): Listing {
  const isEncoded = tagIn(xml, 'EncodingType') === 'url'
  const key = (text: string) => (isEncoded ? decodeURIComponent(text.replaceAll('+', ' ')) : text)
  return {
    objects: tagsIn(xml, 'Contents').map((object) => {
      return {
        key: key(tagIn(object, 'Key') ?? ''),
        etag: tagIn(object, 'ETag') ?? '',
        bytes: Number(tagIn(object, 'Size') ?? 0),
        ageMs: nowMs - Date.parse(tagIn(object, 'LastModified') ?? ''),
      }
    }),
    prefixes: tagsIn(xml, 'CommonPrefixes').map((prefix) => key(tagIn(prefix, 'Prefix') ?? '')),
    next: tagIn(xml, 'IsTruncated') === 'true' ? tagIn(xml, 'NextContinuationToken') : undefined,
  }
}

/** Content of the first element of that name, unescaped. */
export const tagIn = (xml: string, name: string): string | undefined => {
  const [first] = tagsIn(xml, name)
  return first === undefined ? undefined : unescaped(first)
}

const tagsIn = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}(?: [^>]*)?>(.*?)</${name}>`, 'gs'))].map(([, content = '']) => content)

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(lt|gt|quot|apos|amp));/gi, (all, decimal, hex, name) => {
    if (name !== undefined) return entities[String(name).toLowerCase()] ?? all
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : all
  })
