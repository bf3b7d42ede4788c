-- The newest row of each alert that is pending or fires, and when and whom it was last told to. Read by jobs/alerts when it
-- starts.
SELECT
    alert_id,
    max(step) AS last_step,
    argMax(event, step) AS last_event,
    any(rule) AS rule_name,
    any(kind) AS rule_kind,
    argMax(severity, step) AS last_severity,
    any(group_by) AS grouped_by,
    any(group_name) AS grouped_name,
    toUnixTimestamp64Milli(any(started_at)) AS started_at_ms,
    toUnixTimestamp64Milli(max(fired_at)) AS fired_at_ms,
    toUnixTimestamp64Milli(maxIf(at, notice_id != '')) AS notified_at_ms,
    argMaxIf(webhooks, step, notice_id != '') AS told,
    argMax(value, step) AS last_value,
    argMax(threshold, step) AS last_threshold,
    argMax(summary, step) AS last_summary,
    argMax(details, step) AS last_details
FROM alerts
GROUP BY alert_id
HAVING last_event IN ('pending', 'firing', 'reminder')
ORDER BY started_at_ms, alert_id
