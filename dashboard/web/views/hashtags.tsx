import type { LiveData } from '../../protocol.ts'
import { paletteOf } from '../colours.ts'
import { formatCount } from '../format.ts'

/** The most used hashtags, each with a bar as long as its posts and divided by class. */
export function Hashtags({ live }: { readonly live: LiveData }) {
  const { labels, hashtags } = live
  const palette = paletteOf(labels)
  const most = Math.max(1, ...hashtags.top.map(({ posts }) => posts))
  return (
    <section class="panel hashtags" aria-labelledby="hashtags-title">
      <header>
        <h2 id="hashtags-title">Top hashtags</h2>
        <p class="quiet">last {hashtags.minutes} minutes</p>
      </header>
      <ol>
        {hashtags.top.length === 0 && <li class="quiet">None in this time.</li>}
        {hashtags.top.map(({ tag, posts, counts }) => (
          <li key={tag}>
            <span class="tag" dir="auto" title={`#${tag}`}>
              #{tag}
            </span>
            <b class="number">{formatCount(posts)}</b>
            <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              {counts.map((count, n) => {
                const before = counts.slice(0, n).reduce((sum, other) => sum + other, 0)
                return (
                  <rect
                    key={labels[n]}
                    data-colour={palette[n]}
                    x={(before / most) * 100}
                    width={(count / most) * 100}
                    height="4"
                  />
                )
              })}
            </svg>
          </li>
        ))}
      </ol>
    </section>
  )
}
