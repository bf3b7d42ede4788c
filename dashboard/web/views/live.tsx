import type { ComponentChildren } from 'preact'
import { formatCount, formatRate, formatSeconds } from '../format.ts'
import type { LiveState } from '../use-live.ts'
import { ClassChart } from './class-chart.tsx'
import { Empty } from './empty.tsx'
import { Hashtags } from './hashtags.tsx'
import { Lag } from './lag.tsx'
import { Newest } from './newest.tsx'
import { RateChart } from './rate-chart.tsx'
import { Parts } from './status.tsx'

/** One screen: how much, which classes, what about, how far behind, and the posts themselves. */
export function LiveView({ live: { snapshot, link } }: { readonly live: LiveState }) {
  if (snapshot === undefined) {
    return <p class="quiet loading">{link.state === 'lost' ? 'No numbers yet.' : 'Connecting …'}</p>
  }
  const { live, log, parts, atMs } = snapshot
  if (live === null || live.totals.scored === 0) return <Empty snapshot={snapshot} />
  const waiting = (log?.partitions ?? []).reduce((sum, { lag }) => sum + lag, 0)
  const oldest = Math.max(0, ...(log?.partitions ?? []).map(({ lagSeconds }) => lagSeconds))
  return (
    <div class="live">
      <dl class="stats">
        <Stat name="Posts per second">{formatRate(live.rate.now)}</Stat>
        <Stat name="Scored">{formatCount(live.totals.scored)}</Stat>
        <Stat
          name="Waiting"
          note={log === null ? '' : waiting > 0 ? `oldest ${formatSeconds(oldest)}` : 'all caught up'}
        >
          {log === null ? '–' : formatCount(waiting)}
        </Stat>
        <Stat name="Dead posts" note={live.totals.dead > 0 ? 'kept with their reason' : 'none refused'}>
          {formatCount(live.totals.dead)}
        </Stat>
      </dl>
      <RateChart rate={live.rate} />
      <ClassChart live={live} />
      <Newest live={live} atMs={atMs} />
      <Hashtags live={live} />
      <Lag log={log} />
      <section class="panel" aria-labelledby="parts-title">
        <header>
          <h2 id="parts-title">Parts</h2>
        </header>
        <Parts parts={parts} />
      </section>
    </div>
  )
}

const Stat = ({ name, note = '', children }: { name: string; note?: string; children: ComponentChildren }) => (
  <div class="stat">
    <dt>{name}</dt>
    <dd class="number">{children}</dd>
    <dd class="note">{note}</dd>
  </div>
)
