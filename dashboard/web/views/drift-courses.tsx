import type { DriftPage } from '../../drift-api.ts'
import { formatNumber } from '../format.ts'

type Course = DriftPage['history'][number]

/** How the statistics that decide, of the whole stream, went, each against its threshold. */
export const Courses = ({ history }: { readonly history: DriftPage['history'] }) => (
  <section class="panel" aria-labelledby="courses-title">
    <header>
      <h2 id="courses-title">Over the last checks</h2>
      <p class="quiet">value, and dashed its threshold</p>
    </header>
    {history.length === 0 && <p class="quiet">Nothing was compared yet.</p>}
    <ul class="courses">
      {history.map((course) => (
        <CourseRow key={course.name} course={course} />
      ))}
    </ul>
  </section>
)

const CourseRow = ({ course: { name, points } }: { readonly course: Course }) => {
  const last = points.at(-1)
  const alarms = points.filter(({ verdict }) => verdict !== 'ok').length
  const spoken = `${name}: ${formatNumber(last?.value ?? null)} now, threshold ${formatNumber(last?.threshold ?? null)}, above it in ${alarms} of ${points.length} checks`
  return (
    <li>
      <span class="tag" title={name}>
        {name}
      </span>
      <span class="number" data-verdict={last?.verdict}>
        {formatNumber(last?.value ?? null)}
      </span>
      <svg class="course" viewBox="0 0 100 20" preserveAspectRatio="none" role="img" aria-label={spoken}>
        <Line points={points.map(({ threshold }) => threshold)} scale={scaleOf(points)} kind="threshold" />
        <Line points={points.map(({ value }) => value)} scale={scaleOf(points)} kind="value" />
      </svg>
    </li>
  )
}

interface Scale {
  readonly low: number
  readonly high: number
}

function scaleOf(points: Course['points']): Scale {
  const values = points.flatMap(({ value, threshold }) => [value, threshold]).filter((value) => value !== null)
  const [low, high] = [Math.min(0, ...values), Math.max(...values)]
  return { low, high: high > low ? high : low + 1 }
}

/** Where a number is missing the line has a gap. */
const Line = ({
  points,
  scale: { low, high },
  kind,
}: {
  readonly points: readonly (number | null)[]
  readonly scale: Scale
  readonly kind: string
}) => {
  const step = points.length > 1 ? 100 / (points.length - 1) : 0
  const path = points
    .map((value, n) => {
      if (value === null) return ''
      const joined = n > 0 && points[n - 1] !== null
      const y = 19 - (18 * (value - low)) / (high - low)
      return `${joined ? 'L' : 'M'}${(n * step).toFixed(2)} ${y.toFixed(2)}${joined || points[n + 1] != null ? '' : 'h0.5'}`
    })
    .join('')
  return <path class={kind} d={path} vector-effect="non-scaling-stroke" />
}
