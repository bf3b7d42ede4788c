import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface ChartProps {
  /** Read out instead of the drawing. */
  readonly summary: string
  readonly data: uPlot.AlignedData
  /** Everything but the size; asked for again when `look` or the colour scheme changes. */
  readonly options: () => Omit<uPlot.Options, 'width' | 'height'>
  readonly look: string
  /** Index of the column under the pointer, `null` when it leaves. */
  readonly onHover: (index: number | null) => void
}

const dark = () => window.matchMedia('(prefers-color-scheme: dark)')

/** A canvas that fills its box and follows its size, its data and the colour scheme. */
export function Chart({ summary, data, options, look, onHover }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef({ data, options, onHover })
  latest.current = { data, options, onHover }

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const size = () => ({ width: element.clientWidth, height: element.clientHeight })
    const draw = () => {
      plot.current?.destroy()
      const hooks = {
        setCursor: [(self: uPlot) => latest.current.onHover(self.cursor.idx ?? null)],
      }
      plot.current = new uPlot({ ...latest.current.options(), ...size(), hooks }, latest.current.data, element)
    }
    draw()
    const resized = new ResizeObserver(() => plot.current?.setSize(size()))
    resized.observe(element)
    const scheme = dark()
    scheme.addEventListener('change', draw)
    return () => {
      resized.disconnect()
      scheme.removeEventListener('change', draw)
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [look])

  useEffect(() => plot.current?.setData(data), [data])

  return <div class="chart" ref={box} role="img" aria-label={summary} />
}

/** A custom property of style.css, as the current colour scheme has it. */
export const property = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim()

/** Ticks stand at whole minutes only, since their labels name no seconds. */
const minutes = [1, 2, 5, 10, 30].map((count) => count * 60_000)

/** What all charts share: time below, values at the left, faint lines, no legend of uPlot's own. */
export function frame(
  formatX: (ms: number) => string,
  formatY: (value: number) => string,
): Pick<uPlot.Options, 'axes' | 'legend' | 'cursor' | 'padding' | 'ms'> {
  const axis = {
    stroke: property('--ink-quiet'),
    grid: { stroke: property('--line'), width: 1 },
    ticks: { show: false },
    font: `12px ${property('--font')}`,
  }
  return {
    ms: 1,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    padding: [6, 32, 0, 0], // half of a label such as 04:45 PM
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 60,
        size: 24,
        incrs: minutes,
        values: (_, splits) => splits.map(formatX),
      },
      { ...axis, size: 44, space: 30, values: (_, splits) => splits.map((value) => formatY(value)) },
    ],
  }
}
