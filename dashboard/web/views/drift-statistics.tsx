import type { Statistic } from '../../drift-api.ts'
import { formatCount, formatNumber } from '../format.ts'
import { Scroll } from './scroll.tsx'
import { verdictWords } from './verdict-words.ts'

/** Every number of the check against its threshold. */
export const Statistics = ({ statistics }: { readonly statistics: readonly Statistic[] }) => (
  <section class="panel wide" aria-labelledby="statistics-title">
    <header>
      <h2 id="statistics-title">Statistics</h2>
      <p class="quiet">alarms first; those in brackets are shown beside the ones that decide</p>
    </header>
    {statistics.length === 0 ? (
      <p class="quiet">Nothing was compared.</p>
    ) : (
      <Scroll label="Table of statistics">
        <table>
          <thead>
            <tr>
              <th scope="col">Statistic</th>
              <th scope="col">Posts</th>
              <th scope="col">Result</th>
              <th scope="col" class="number">
                Value
              </th>
              <th scope="col" class="number">
                Threshold
              </th>
              <th scope="col" class="number">
                p
              </th>
              <th scope="col">In words</th>
            </tr>
          </thead>
          <tbody>
            {statistics.map((one) => (
              <tr key={`${one.segment} ${one.name}`}>
                <th scope="row">{one.decides ? one.name : `(${one.name})`}</th>
                <td dir="auto" title={`${formatCount(one.posts)} against ${formatCount(one.referencePosts)}`}>
                  {one.segment === '' ? 'all' : one.segment}
                </td>
                <td>
                  <span class="mark" data-verdict={one.verdict}>
                    {verdictWords[one.verdict]}
                  </span>
                </td>
                <td class="number">{formatNumber(one.value)}</td>
                <td class="number">{formatNumber(one.threshold)}</td>
                <td class="number">{formatNumber(one.p)}</td>
                <td class="words" dir="auto">
                  {one.sentence}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    )}
  </section>
)
