import type { RuleOf } from '../../core/alert-settings.ts'
import type { Group } from './alert.ts'

/** The group of a rule that looks at all posts, at each source or at each hashtag. */
export const groupOf = (by: 'all' | 'source' | 'hashtag', name: string): Group =>
  by === 'all' ? { by: '', name: '' } : { by, name }

/** The names that a rule is limited to, as they are stored; none means all. Hashtags are lower case there. */
export const onlyOf = ({ by, only = [] }: Pick<RuleOf<'sentiment' | 'spike'>, 'by' | 'only'>): readonly string[] =>
  by === 'hashtag' ? only.map((tag) => tag.toLowerCase()) : only

/** A hashtag may be as long as a post. */
const mostCharacters = 100

/** A group in a sentence. */
export function nameOf({ by, name }: { readonly by: string; readonly name: string }): string {
  if (by === '') return 'the stream'
  const short = name.length > mostCharacters ? `${name.slice(0, mostCharacters)}…` : name
  return by === 'hashtag' ? `#${short}` : `${by} ${short}`
}
