import type { QueryRow } from '../../clickhouse/queries.ts'
import type { Clock } from '../../core/clock.ts'
import { nameOf } from '../../jobs/alerts/names.ts'
import type { AlertsPage, ShownAlert, Telling } from '../alerts-api.ts'
import { remembered } from './remembered.ts'
import type { StoreSession } from './store-session.ts'

/** What the page shows of alerts. */
export interface AlertsFeed {
  /** @throws DriftlineError `STORE_UNAVAILABLE` */
  page(): Promise<AlertsPage>
}

const shownAlerts = 100
/** A page is at most this old, in milliseconds. */
const freshMs = 1_000

export function clickhouseAlertsFeed(session: StoreSession, clock: Clock): AlertsFeed {
  const pages = remembered(clock, freshMs, () => read(session, clock))
  return { page: () => pages.get() }
}

async function read(session: StoreSession, clock: Clock): Promise<AlertsPage> {
  const rows = await session.select('alert_history', { alerts: shownAlerts })
  const ids = rows.map(({ alert_id }) => alert_id)
  const told = ids.length === 0 ? [] : await session.select('alert_deliveries_of', { alert_ids: ids })
  return { atMs: clock.now(), alerts: rows.map((row) => shownOf(row, told)) }
}

function shownOf(row: QueryRow<'alert_history'>, told: readonly QueryRow<'alert_deliveries_of'>[]): ShownAlert {
  const { last_event: event, grouped_by: by, grouped_name: name } = row
  const state = event === 'pending' ? 'pending' : event === 'resolved' ? 'resolved' : 'firing'
  return {
    id: row.alert_id,
    rule: row.rule_name,
    kind: row.rule_kind,
    severity: row.last_severity,
    state,
    group: by === '' ? '' : nameOf({ by, name }),
    startedAtMs: row.started_at_ms,
    firedAtMs: row.fired_at_ms === 0 ? null : row.fired_at_ms,
    resolvedAtMs: state === 'resolved' ? row.at_ms : null,
    summary: row.last_summary,
    tellings: told.flatMap((one): Telling[] => {
      if (one.alert_id !== row.alert_id || one.event === 'pending' || one.event === 'cleared') return []
      const { webhook, attempts, reason } = one
      return [{ event: one.event, webhook, attempts, reason, outcome: one.outcome === '' ? 'waiting' : one.outcome }]
    }),
  }
}
