import { AlertsPage, type ShownAlert, type Telling } from '../../alerts-api.ts'
import { formatCount, formatDay, formatSeconds } from '../format.ts'
import { usePolled } from '../use-polled.ts'
import { AsOf } from './as-of.tsx'

const pollMs = 2_000

/** What fires now, and what did. */
export function AlertsView() {
  const polled = usePolled('alerts', AlertsPage, pollMs)
  const page = polled.value
  return (
    <>
      <AsOf polled={polled} staleMs={5 * pollMs} />
      {page === undefined && polled.trouble === undefined && <p class="quiet loading">Loading …</p>}
      {page?.alerts.length === 0 && <NoAlert />}
      {page !== undefined && page.alerts.length > 0 && (
        <div class="board">
          <Now page={page} />
          <Before page={page} />
        </div>
      )}
    </>
  )
}

const words = { firing: 'Firing', pending: 'Pending', resolved: 'Resolved' } as const
const severityMarks = { info: undefined, warning: 'warning', critical: 'drift' } as const

function Now({ page }: { readonly page: AlertsPage }) {
  const active = page.alerts.filter(({ state }) => state !== 'resolved')
  const firing = active.filter(({ state }) => state === 'firing').length
  return (
    <section class="panel wide" aria-labelledby="alerts-now">
      <header>
        <h2 id="alerts-now">Now</h2>
        <p class="quiet">{firing === 0 ? 'nothing fires' : `${formatCount(firing)} firing`}</p>
      </header>
      {active.length === 0 ? (
        <p class="quiet">All is quiet.</p>
      ) : (
        <ul class="alerts" aria-label="Alerts that fire or are pending">
          {active.map((alert) => (
            <AlertLine key={alert.id} alert={alert} atMs={page.atMs} />
          ))}
        </ul>
      )}
    </section>
  )
}

function Before({ page }: { readonly page: AlertsPage }) {
  const past = page.alerts.filter(({ state }) => state === 'resolved')
  if (past.length === 0) return null
  return (
    <section class="panel wide" aria-labelledby="alerts-before">
      <header>
        <h2 id="alerts-before">Before</h2>
        <p class="quiet">newest first</p>
      </header>
      <ul class="alerts" aria-label="Alerts that were resolved">
        {past.map((alert) => (
          <AlertLine key={alert.id} alert={alert} atMs={page.atMs} />
        ))}
      </ul>
    </section>
  )
}

const AlertLine = ({ alert, atMs }: { readonly alert: ShownAlert; readonly atMs: number }) => (
  <li data-state={alert.state}>
    <span class="mark" data-verdict={alert.state === 'resolved' ? undefined : severityMarks[alert.severity]}>
      {words[alert.state]}
    </span>
    <div>
      <p dir="auto">
        <b>{alert.rule}</b> <span class="quiet">{alert.severity}</span>
        <br />
        {alert.summary}
      </p>
      <p class="quiet">
        {alert.state === 'pending' ? 'holds since ' : ''}
        {formatDay(alert.firedAtMs ?? alert.startedAtMs)}, for{' '}
        {formatSeconds(((alert.resolvedAtMs ?? atMs) - (alert.firedAtMs ?? alert.startedAtMs)) / 1000)}
      </p>
      <Tellings tellings={alert.tellings} />
    </div>
  </li>
)

/** What went wrong is shown, the rest is counted. */
function Tellings({ tellings }: { readonly tellings: readonly Telling[] }) {
  if (tellings.length === 0) return null
  const delivered = tellings.filter(({ outcome }) => outcome === 'delivered').length
  const others = tellings.filter(({ outcome }) => outcome !== 'delivered')
  return (
    <>
      {delivered > 0 && <p class="quiet">{formatCount(delivered)} notices delivered</p>}
      {others.map(({ event, webhook, outcome, attempts, reason }) => (
        <p key={`${event} ${webhook}`} class="told">
          <bdi>{webhook}</bdi>: {outcome === 'dead' ? 'not told' : 'not told yet'} ({event}, attempts{' '}
          {formatCount(attempts)}
          {reason === '' ? '' : `, ${reason}`})
        </p>
      ))}
    </>
  )
}

const NoAlert = () => (
  <section class="panel empty" aria-labelledby="no-alert-title">
    <h2 id="no-alert-title">No alert yet</h2>
    <p>
      Rules in driftline.config.json say what to watch: drift, lag, failing posts, the mood, spikes. What they find
      appears here by itself.
    </p>
    <dl>
      <dt>
        <code>npx driftline alerts run</code>
      </dt>
      <dd>judges each rule now, and says what it finds</dd>
      <dt>
        <code>npx driftline up</code>
      </dt>
      <dd>judges them all the time, with all other parts</dd>
    </dl>
  </section>
)
