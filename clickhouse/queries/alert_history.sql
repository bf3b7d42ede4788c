-- The newest alerts, those that fire or are pending first: the last row of each. Read by the page and `driftline alerts`.
-- Alerts that were pending and never fired are left out unless they still are. Parameter: alerts.
SELECT
    alert_id,
    argMax(event, step) AS last_event,
    toUnixTimestamp64Milli(max(at)) AS at_ms,
    any(rule) AS rule_name,
    any(kind) AS rule_kind,
    argMax(severity, step) AS last_severity,
    any(group_by) AS grouped_by,
    any(group_name) AS grouped_name,
    toUnixTimestamp64Milli(any(started_at)) AS started_at_ms,
    toUnixTimestamp64Milli(max(fired_at)) AS fired_at_ms,
    argMax(value, step) AS last_value,
    argMax(threshold, step) AS last_threshold,
    argMax(summary, step) AS last_summary
FROM alerts
GROUP BY alert_id
HAVING last_event != 'cleared'
ORDER BY last_event IN ('pending', 'firing', 'reminder') DESC, started_at_ms DESC, alert_id
LIMIT {alerts:UInt32}
