/**
 * Emoticons by the emoji that says the same. A tokenizer cuts `:-(` into three signs whose order a bag of words forgets.
 * What follows must not continue a word or a path: `note:(see below)`, `c:/temp` and `4:3` stay.
 */
const kinds: readonly (readonly [emoji: string, pattern: RegExp])[] = [
  ['😢', /[:;=]'-?\(+/],
  ['😂', /[:;=]'-?\)+/],
  ['😠', />[:=]-?[([]+/],
  ['😉', /;[-^o]?(?:[)\]]+|D+)/],
  ['😃', /[:=][-^]?D+/],
  ['🙂', /[:=][-^o]?[)\]]+/],
  ['🙁', /[:=][-^o]?[([]+/],
  ['😛', /[:;=]-?[pP]+/],
  ['😘', /[:;=]-?\*+/],
  ['😮', /[:=]-?[oO]/],
  ['😕', /[:=]-?[/\\|]/],
  ['💔', /<\/3+/],
  ['❤', /<3+/],
]

const emoticons = new RegExp(`(?:${kinds.map(([, pattern]) => `(${pattern.source})`).join('|')})(?![\\w/\\\\])`, 'g')

export const replaceEmoticons = (text: string): string =>
  text.replace(emoticons, (emoticon: string, ...groups: unknown[]) => {
    const kind = kinds[groups.findIndex((group) => group !== undefined)]
    return kind === undefined ? emoticon : ` ${kind[0]} `
  })
