import type { LogLag } from '../../protocol.ts'
import { formatCount, formatSeconds } from '../format.ts'
import { Scroll } from './scroll.tsx'
import { Dot } from './status.tsx'

const words = { ok: 'Working', waiting: 'Waiting', halted: 'Halted' } as const

/** What waits in each partition of the log. */
export const Lag = ({ log }: { readonly log: LogLag | null }) => (
  <section class="panel lag" aria-labelledby="lag-title">
    <header>
      <h2 id="lag-title">Partitions</h2>
      <p class="quiet">{log !== null && `topic ${log.topic}`}</p>
    </header>
    {log === null || log.partitions.length === 0 ? (
      <p class="quiet">No posts in the log yet.</p>
    ) : (
      <Scroll label="Table of partitions">
        <table>
          <thead>
            <tr>
              <th scope="col">Partition</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Waiting
              </th>
              <th scope="col" class="number">
                Oldest
              </th>
            </tr>
          </thead>
          <tbody>
            {log.partitions.map(({ partition, lag, lagSeconds, state, detail }) => (
              <tr key={partition} title={detail}>
                <th scope="row" class="number">
                  {partition}
                </th>
                <td>
                  <Dot state={state} /> {words[state]}
                </td>
                <td class="number">{formatCount(lag)}</td>
                <td class="number">{formatSeconds(lagSeconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    )}
  </section>
)
