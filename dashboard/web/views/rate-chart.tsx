import { useMemo, useState } from 'preact/hooks'
import type { LiveData } from '../../protocol.ts'
import { formatClock, formatCompact, formatMinute, formatRate } from '../format.ts'
import { niceCeiling } from '../scale.ts'
import { Chart, frame, property } from './chart.tsx'

export function RateChart({ rate }: { readonly rate: LiveData['rate'] }) {
  const [hovered, setHovered] = useState<number | null>(null)
  const data = useMemo<[number[], number[]]>(
    () => [rate.values.map((_, n) => rate.startMs + n * rate.stepMs), [...rate.values]],
    [rate],
  )
  const value = hovered === null ? undefined : rate.values[hovered]
  const options = () => ({
    ...frame(formatMinute, formatCompact),
    scales: {
      y: {
        range: (_: unknown, __: number, max: number | null): [number, number] => [0, niceCeiling((max ?? 0) * 1.05)],
      },
    },
    series: [{}, { stroke: property('--rate'), width: 1.5, fill: `${property('--rate')}26`, points: { show: false } }],
  })
  return (
    <section class="panel" aria-labelledby="rate-title">
      <header>
        <h2 id="rate-title">Posts per second</h2>
        <p class="quiet number">
          {value === undefined || hovered === null
            ? 'last 5 minutes'
            : `${formatRate(value)} at ${formatClock(rate.startMs + hovered * rate.stepMs)}`}
        </p>
      </header>
      <Chart
        summary={`Posts per second over the last five minutes; now ${formatRate(rate.now)}, at most ${formatRate(Math.max(0, ...rate.values))}.`}
        data={data}
        options={options}
        look="rate"
        onHover={setHovered}
      />
    </section>
  )
}
