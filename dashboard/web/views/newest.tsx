import { useRef, useState } from 'preact/hooks'
import type { LiveData, NewestPost } from '../../protocol.ts'
import { paletteOf } from '../colours.ts'
import { formatClock, formatPercent } from '../format.ts'
import { advance, emptySample } from '../newest-sample.ts'

/** The newest posts. The list stands still under the pointer, while the keyboard is in it, and when asked to. */
export function Newest({ live, atMs }: { readonly live: LiveData; readonly atMs: number }) {
  const [inside, setInside] = useState({ pointer: false, focus: false })
  const [paused, setPaused] = useState(false)
  const [open, setOpen] = useState<string | undefined>(undefined)
  const still = paused || inside.pointer || inside.focus
  const sample = useRef(emptySample)
  if (!still && sample.current.atMs !== atMs) sample.current = advance(sample.current, live.newest, atMs)
  const palette = paletteOf(live.labels)
  const colourOf = (label: string): number => palette[live.labels.indexOf(label)] ?? 1

  return (
    <section class="panel newest" aria-labelledby="newest-title">
      <header>
        <h2 id="newest-title">Newest posts</h2>
        <p class="quiet">{still ? 'standing still' : live.rate.now > 2 ? 'a sample' : ''}</p>
        <button type="button" data-on={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Resume' : 'Pause'}
        </button>
      </header>
      <ul
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label="Newest posts"
        onPointerEnter={() => setInside((now) => ({ ...now, pointer: true }))}
        onPointerLeave={() => setInside((now) => ({ ...now, pointer: false }))}
        onFocusIn={({ target }) => {
          const byKeyboard = target instanceof Element && target.matches(':focus-visible') // not by a click, which leaves it here
          setInside((now) => ({ ...now, focus: byKeyboard }))
        }}
        onFocusOut={() => setInside((now) => ({ ...now, focus: false }))}
      >
        {sample.current.shown.map((post) => (
          <Row
            key={post.key}
            post={post}
            colour={colourOf(post.label)}
            open={open === post.key}
            onToggle={() => setOpen(open === post.key ? undefined : post.key)}
          />
        ))}
      </ul>
    </section>
  )
}

interface RowProps {
  readonly post: NewestPost
  readonly colour: number
  readonly open: boolean
  readonly onToggle: () => void
}

/** Two lines of text, so that all rows are of one height; the whole text on demand. */
const Row = ({ post, colour, open, onToggle }: RowProps) => (
  <li class="post" data-open={open}>
    <p class="chip">
      <span class="swatch" data-colour={colour} aria-hidden="true" />
      <bdi>{post.label}</bdi> <span class="confidence number quiet">{formatPercent(post.confidence)}</span>
    </p>
    <p class="text" dir="auto">
      {post.text}
      {post.cut && '…'}
    </p>
    {(post.text.length > 120 || post.text.includes('\n')) && (
      <button type="button" class="more" aria-expanded={open} onClick={onToggle}>
        {open ? 'Less' : 'More'}
      </button>
    )}
    <p class="quiet origin">
      <time class="number" dateTime={new Date(post.scoredAtMs).toISOString()}>
        {formatClock(post.scoredAtMs)}
      </time>
      <bdi>{post.source}</bdi>
    </p>
  </li>
)
