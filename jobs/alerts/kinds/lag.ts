import type { Look } from '../look.ts'

/** What waits in the event log: a score job that has stopped lags, though no row says so. */
export const lag: Look<'lag'> = async (rule, { waiting }) => {
  const { topic, posts, seconds } = await waiting()
  const late = rule.seconds !== undefined && seconds > rule.seconds
  const many = rule.posts !== undefined && posts > rule.posts
  // The one that holds is compared; in seconds when both do or neither does and they are set.
  const inPosts = rule.seconds === undefined || (many && !late)
  const limits = [
    ...(rule.seconds === undefined ? [] : [`${rule.seconds} s`]),
    ...(rule.posts === undefined ? [] : [`${rule.posts} posts`]),
  ]
  return {
    findings: [
      {
        group: { by: 'topic', name: topic },
        holds: late || many,
        value: inPosts ? posts : seconds,
        threshold: inPosts ? (rule.posts ?? 0) : (rule.seconds ?? 0),
        summary: `${posts} posts of ${topic} wait to be scored, the oldest for ${seconds.toFixed(1)} s (limit ${limits.join(' or ')})`,
        details: { posts, seconds },
      },
    ],
    note: '',
  }
}
