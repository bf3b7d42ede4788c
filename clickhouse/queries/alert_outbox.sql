-- Notices that a webhook has neither accepted nor finally refused, the oldest first, and how often each was tried. Read by
-- jobs/alerts when it starts.
SELECT
    notice_id, webhook, alert_id, step, toUnixTimestamp64Milli(at) AS at_ms, event, rule, kind, severity, group_by, group_name,
    toUnixTimestamp64Milli(started_at) AS started_at_ms,
    toUnixTimestamp64Milli(fired_at) AS fired_at_ms,
    value, threshold, summary, details, attempts, next_at_ms
FROM
(
    SELECT *, webhook FROM alerts FINAL
    ARRAY JOIN webhooks AS webhook
    WHERE notice_id != ''
) AS noticed
LEFT JOIN
(
    SELECT
        notice_id, webhook,
        max(attempt) AS attempts,
        toUnixTimestamp64Milli(argMax(next_at, attempt)) AS next_at_ms,
        countIf(outcome != 'retry') AS ended
    FROM alert_deliveries
    GROUP BY notice_id, webhook
) AS tried USING (notice_id, webhook)
WHERE ended = 0
ORDER BY at_ms, alert_id, step, webhook
