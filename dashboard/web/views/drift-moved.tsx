import type { CheckReport, Moved } from '../../drift-api.ts'
import { formatShare } from '../format.ts'

const titles = {
  classes: 'Classes',
  words: 'Words',
  hashtags: 'Hashtags',
  sources: 'Sources',
  languages: 'Languages',
} as const satisfies Record<keyof CheckReport['moved'], string>
const kinds = Object.keys(titles) as (keyof CheckReport['moved'])[]

/** What is in the posts now more often or more rarely than before, with examples. */
export const MovedPanel = ({ moved }: { readonly moved: CheckReport['moved'] }) => {
  const shown = kinds.filter((kind) => moved[kind].length > 0)
  return (
    <section class="panel" aria-labelledby="moved-title">
      <header>
        <h2 id="moved-title">What moved</h2>
        <p class="quiet">share of the posts, before and in this check</p>
      </header>
      {shown.length === 0 && <p class="quiet">Nothing that stands out.</p>}
      {shown.map((kind) => (
        <div key={kind} class="moved">
          <h3>{titles[kind]}</h3>
          <ul>
            {moved[kind].map((thing) => (
              <Thing key={thing.name} thing={thing} />
            ))}
          </ul>
        </div>
      ))}
    </section>
  )
}

const Thing = ({ thing: { name, reference, live, posts } }: { readonly thing: Moved }) => {
  const row = (
    <>
      <span class="tag" dir="auto" title={name}>
        {name}
      </span>{' '}
      <span class="number shares">
        {formatShare(reference)} → {formatShare(live)}
      </span>{' '}
      <span class="quiet">{live > reference ? 'more' : 'fewer'}</span>
    </>
  )
  if (posts.length === 0) return <li class="thing">{row}</li>
  return (
    <li>
      <details>
        <summary class="thing">{row}</summary>
        <ul class="examples" aria-label={`Posts with ${name}`}>
          {posts.map(({ id, text }) => (
            <li key={id} dir="auto">
              {text}
            </li>
          ))}
        </ul>
      </details>
    </li>
  )
}
