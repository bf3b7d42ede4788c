import type { Group } from './alert.ts'

/** The group of a rule that looks at all posts, at each source or at each hashtag. */
export const groupOf = (by: 'all' | 'source' | 'hashtag', name: string): Group =>
  by === 'all' ? { by: '', name: '' } : { by, name }

/** A group in a sentence. */
export const nameOf = ({ by, name }: Group): string =>
  by === '' ? 'the stream' : by === 'hashtag' ? `#${name}` : `${by} ${name}`
