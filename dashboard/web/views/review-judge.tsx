import { useLayoutEffect } from 'preact/hooks'
import type { ReviewPost } from '../../review-api.ts'
import { paletteOf } from '../colours.ts'
import { formatDay } from '../format.ts'
import type { ReviewSession, ReviewState } from '../review-session.ts'

interface JudgeProps {
  readonly session: ReviewSession
  readonly post: ReviewPost | undefined
  readonly last: ReviewState['last']
}

/** A key does something unless the person is writing, or means the browser. */
const meansUs = (event: KeyboardEvent): boolean => {
  const { target } = event
  const writing = target instanceof HTMLElement && target.matches('input:not([type="checkbox"]), textarea, select')
  return !writing && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat
}

/** The post, and what can be said about it: by mouse, by finger, or by the keys 1, 2, 3 …, S and U. */
export function Judge({ session, post, last }: JudgeProps) {
  // Before the post is painted: a key that is pressed the moment it shows counts.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!meansUs(event)) return
      const key = event.key.toLowerCase()
      const label = /^[1-9]$/.test(key) ? session.state.posts[0]?.classes[Number(key) - 1] : undefined
      if (label !== undefined) session.decide(label)
      else if (key === 's') session.decide(undefined)
      else if (key === 'u') session.undo()
      else return
      event.preventDefault()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [session])

  const palette = paletteOf(post?.classes ?? [])
  return (
    <>
      {post !== undefined && (
        <article class="judged" aria-labelledby="judged-title">
          <h3 id="judged-title" class="quiet">
            What does this post say?
          </h3>
          <p class="says" dir="auto" aria-live="polite">
            {post.text}
          </p>
          <p class="quiet about">
            {post.source !== '' && <bdi>{post.source}</bdi>}
            {post.lang !== '' && <bdi>{post.lang}</bdi>}
            {post.eventAtMs > 0 && (
              <time dateTime={new Date(post.eventAtMs).toISOString()}>{formatDay(post.eventAtMs)}</time>
            )}
          </p>
          {post.answers.length > 0 && (
            <ul class="said" aria-label="Answers so far">
              {post.answers.map(({ by, label }) => (
                <li key={by}>
                  <bdi>{by}</bdi> said <b dir="auto">{label}</b>
                </li>
              ))}
            </ul>
          )}
        </article>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would need a legend and looks */}
      <div class="choices" role="group" aria-label="Your answer">
        {(post?.classes ?? []).map((label, n) => (
          <button
            key={label}
            type="button"
            class="choice"
            aria-keyshortcuts={String(n + 1)}
            onClick={() => session.decide(label)}
          >
            <span class="swatch" data-colour={palette[n]} aria-hidden="true" />
            <bdi>{label}</bdi>
            {n < 9 && (
              <span class="key" aria-hidden="true">
                {n + 1}
              </span>
            )}
          </button>
        ))}
        {post !== undefined && (
          <button type="button" class="choice" aria-keyshortcuts="S" onClick={() => session.decide(undefined)}>
            Skip{' '}
            <span class="key" aria-hidden="true">
              S
            </span>
          </button>
        )}
        <button
          type="button"
          class="choice"
          aria-keyshortcuts="U"
          disabled={last === undefined}
          onClick={() => session.undo()}
        >
          Undo{' '}
          <span class="key" aria-hidden="true">
            U
          </span>
        </button>
      </div>
      <p class="quiet told" role="status">
        {last !== undefined && (
          <>
            {last.label === undefined ? 'Passed over' : <bdi>{last.label}</bdi>}:{' '}
            <bdi>{last.post.text.slice(0, 60)}</bdi>
            {last.post.text.length > 60 && '…'}
          </>
        )}
      </p>
    </>
  )
}
