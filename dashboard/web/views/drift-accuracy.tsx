import type { CheckSummary, DriftPage, Estimate } from '../../drift-api.ts'
import { formatCount, formatShare } from '../format.ts'

interface AccuracyProps {
  readonly page: DriftPage
  readonly check: CheckSummary
}

/** How often the model is right: as its scores promise, and as people's answers show. */
export const Accuracy = ({ page: { accuracy, report }, check }: AccuracyProps) => (
  <section class="panel" aria-labelledby="accuracy-title">
    <header>
      <h2 id="accuracy-title">Accuracy</h2>
      <p class="quiet">with 95 % intervals</p>
    </header>
    <dl class="estimates">
      <Row name="As the scores promise" value={check.estimated} note={check.estimateNote} />
      <Row
        name="When checked, from the newest labels"
        value={check.measured}
        note={check.measured === null ? '' : `${formatCount(check.measured.labels)} labels`}
      />
      <Row
        name="Now, from labels of this check’s posts"
        value={accuracy}
        note={
          accuracy === null
            ? 'none yet'
            : `${formatCount(accuracy.labels)} labels, as good as ${formatCount(accuracy.effective)} drawn evenly`
        }
      />
    </dl>
    {report?.estimateFailed === true && (
      <p class="failed">
        The labels contradict what the scores promise: what words mean has changed, and only labels can tell how good
        the model is now.
      </p>
    )}
  </section>
)

interface RowProps {
  readonly name: string
  readonly value: Estimate | null
  readonly note?: string
}

const Row = ({ name, value, note = '' }: RowProps) => (
  <div>
    <dt>
      {name} <span class="quiet">{note}</span>
    </dt>
    <dd>
      {value === null ? (
        <span class="quiet">unknown</span>
      ) : (
        <>
          <b class="number">{formatShare(value.value)}</b>{' '}
          <span class="quiet number">
            {formatShare(value.low)} to {formatShare(value.high)}
          </span>
          <svg class="interval" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect class="track" y="3" width="100" height="2" />
            <rect
              class="range"
              x={100 * value.low}
              y="1.5"
              width={Math.max(0.5, 100 * (value.high - value.low))}
              height="5"
            />
            <rect class="point" x={100 * value.value - 0.4} width="0.8" height="8" />
          </svg>
        </>
      )}
    </dd>
  </div>
)
