import { useMemo, useState } from 'preact/hooks'
import type uPlot from 'uplot'
import type { LiveData } from '../../protocol.ts'
import { paletteOf } from '../colours.ts'
import { formatClock, formatMinute, formatPercent } from '../format.ts'
import { stacked } from '../scale.ts'
import { Chart, frame, property } from './chart.tsx'

export function ClassChart({ live }: { readonly live: LiveData }) {
  const { labels, classes } = live
  const [hovered, setHovered] = useState<number | null>(null)
  const palette = paletteOf(labels)
  const data = useMemo<uPlot.AlignedData>(() => {
    const steps = classes.counts[0]?.length ?? 0
    return [Array.from({ length: steps }, (_, n) => classes.startMs + n * classes.stepMs), ...stacked(classes.counts)]
  }, [classes])

  const total = hovered === null ? 0 : classes.counts.reduce((sum, row) => sum + (row[hovered] ?? 0), 0)
  const shareOf = (n: number): number =>
    hovered === null || total === 0 ? (classes.shares[n] ?? 0) : (classes.counts[n]?.[hovered] ?? 0) / total

  const options = () => ({
    ...frame(formatMinute, formatPercent),
    scales: { y: { range: (): [number, number] => [0, 1] } },
    series: [
      {},
      ...labels.map((_, n) => ({
        stroke: property('--panel'),
        width: 1,
        points: { show: false },
        ...(n === 0 ? { fill: property(`--class-${palette[0]}`) } : {}),
      })),
    ],
    bands: labels.slice(1).map((_, n) => ({
      series: [n + 2, n + 1] as [number, number],
      fill: property(`--class-${palette[n + 1]}`),
    })),
  })
  const spoken = labels.map((label, n) => `${label} ${formatPercent(classes.shares[n] ?? 0)}`).join(', ')
  return (
    <section class="panel" aria-labelledby="class-title">
      <header>
        <h2 id="class-title">Classes</h2>
        <p class="quiet number">
          {hovered === null || total === 0
            ? `share in the last ${classes.windowSeconds} s`
            : `at ${formatClock(classes.startMs + hovered * classes.stepMs)}`}
        </p>
        <ul class="legend">
          {labels.map((label, n) => (
            <li key={label}>
              <span class="swatch" data-colour={palette[n]} aria-hidden="true" />
              {label} <b class="share number">{formatPercent(shareOf(n))}</b>
            </li>
          ))}
        </ul>
      </header>
      <Chart
        summary={`Share of each class over the last five minutes; now ${spoken}.`}
        data={data}
        options={options}
        look={labels.join('\n')}
        onHover={setHovered}
      />
    </section>
  )
}
