import { useState } from 'preact/hooks'
import { type CheckReport, type CheckSummary, DriftPage } from '../../drift-api.ts'
import { formatCount, formatDay, formatMinute, formatSpan } from '../format.ts'
import { usePolled } from '../use-polled.ts'
import { AsOf } from './as-of.tsx'
import { Accuracy } from './drift-accuracy.tsx'
import { Courses } from './drift-courses.tsx'
import { MovedPanel } from './drift-moved.tsx'
import { Statistics } from './drift-statistics.tsx'
import { verdictWords } from './verdict-words.ts'

const pollMs = 5_000

/** Only a check that compared something says that all is well. */
const compared = ({ verdict, state }: CheckSummary): boolean =>
  verdict !== 'ok' || state === 'checked' || state === 'unreadable'

/** What a check says in a word. */
const wordOf = (check: CheckSummary): string =>
  compared(check) ? verdictWords[check.verdict] : check.state === 'collecting' ? 'Collecting' : 'Too few posts'

/** Whether the model still fits the stream, and why. */
export function DriftView() {
  const [chosen, setChosen] = useState('')
  const polled = usePolled(`drift?check=${encodeURIComponent(chosen)}`, DriftPage, pollMs)
  const page = polled.value
  if (page === undefined) {
    return (
      <>
        <AsOf polled={polled} staleMs={3 * pollMs} />
        {polled.trouble === undefined && <p class="quiet loading">Loading …</p>}
      </>
    )
  }
  const check = page.checks.find(({ id }) => id === page.report?.id) ?? page.checks[0]
  if (check === undefined || page.report === null) {
    return (
      <>
        <AsOf polled={polled} staleMs={3 * pollMs} />
        <NoCheck />
      </>
    )
  }
  return (
    <>
      <AsOf polled={polled} staleMs={3 * pollMs} />
      <div class="board drift">
        <section class="panel wide" aria-labelledby="verdict-title">
          <header>
            <h2 id="verdict-title">
              <span class="verdict" data-verdict={compared(check) ? check.verdict : undefined}>
                {wordOf(check)}
              </span>
            </h2>
            <p dir="auto">{check.headline}</p>
          </header>
          <p class="quiet">
            Checked {formatDay(check.atMs)}: {formatCount(check.posts)} posts
            {check.posts > 0 && ` written ${formatSpan(check.fromMs, check.toMs)}`}, scored by{' '}
            <bdi>{check.model.name}</bdi> v{check.model.version}
          </p>
          <Reasons reasons={page.report.reasons} />
          <Timeline checks={page.checks} current={check.id} onChoose={setChosen} />
        </section>
        <div class="column">
          <Accuracy page={page} check={check} />
          <Courses history={page.history} />
        </div>
        <div class="column">
          <MovedPanel moved={page.report.moved} />
        </div>
        <Statistics statistics={page.report.statistics} />
      </div>
    </>
  )
}

/** The strongest are shown, the others on demand. */
const shownReasons = 6

function Reasons({ reasons }: { readonly reasons: CheckReport['reasons'] }) {
  if (reasons.length === 0) return null
  const rest = reasons.slice(shownReasons)
  return (
    <>
      <ul class="reasons" aria-label="Reasons">
        {reasons.slice(0, shownReasons).map((reason) => (
          <ReasonLine key={`${reason.segment} ${reason.sentence}`} reason={reason} />
        ))}
      </ul>
      {rest.length > 0 && (
        <details>
          <summary>{formatCount(rest.length)} more</summary>
          <ul class="reasons" aria-label="More reasons">
            {rest.map((reason) => (
              <ReasonLine key={`${reason.segment} ${reason.sentence}`} reason={reason} />
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

const ReasonLine = ({
  reason: { segment, verdict, sentence },
}: {
  readonly reason: CheckReport['reasons'][number]
}) => (
  <li>
    <span class="mark" data-verdict={verdict}>
      {verdictWords[verdict]}
    </span>
    <span dir="auto">
      {segment !== '' && !sentence.startsWith(segment) && <b>{segment}: </b>}
      {sentence}
    </span>
  </li>
)

interface TimelineProps {
  readonly checks: readonly CheckSummary[]
  readonly current: string
  readonly onChoose: (id: string) => void
}

/** One mark for each of the last checks, oldest first; a mark opens its check. */
const Timeline = ({ checks, current, onChoose }: TimelineProps) => (
  <ol class="timeline" aria-label="Last checks, oldest first">
    {checks.toReversed().map((check) => (
      <li key={check.id}>
        <button
          type="button"
          class="tick"
          data-verdict={check.verdict}
          data-quiet={!compared(check)}
          aria-pressed={check.id === current}
          title={`${formatDay(check.atMs)}: ${wordOf(check)}`}
          onClick={() => onChoose(check.id === checks[0]?.id ? '' : check.id)}
        >
          <span class="hidden">
            {formatMinute(check.atMs)} {wordOf(check)}
          </span>
          <span aria-hidden="true">{{ ok: '·', warning: '!', drift: '✕' }[check.verdict]}</span>
        </button>
      </li>
    ))}
  </ol>
)

const NoCheck = () => (
  <section class="panel empty" aria-labelledby="no-check-title">
    <h2 id="no-check-title">No check yet</h2>
    <p>
      The drift job compares each window of posts with how the stream was before. Its checks appear here by themselves.
    </p>
    <dl>
      <dt>
        <code>npx driftline up</code>
      </dt>
      <dd>runs it with all other parts</dd>
      <dt>
        <code>npx driftline drift run</code>
      </dt>
      <dd>checks once, now</dd>
    </dl>
  </section>
)
