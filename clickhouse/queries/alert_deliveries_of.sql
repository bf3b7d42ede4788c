-- How telling people of some alerts went: by alert and webhook, the last attempt. Parameter: alert_ids.
SELECT
    alert_id, event, webhook,
    toUnixTimestamp64Milli(noticed_at) AS noticed_at_ms,
    attempts, outcome, status, reason
FROM
(
    SELECT alert_id, event, notice_id, webhook, at AS noticed_at
    FROM alerts FINAL
    ARRAY JOIN webhooks AS webhook
    WHERE notice_id != '' AND alert_id IN {alert_ids:Array(String)}
) AS noticed
LEFT JOIN
(
    SELECT
        notice_id, webhook,
        max(attempt) AS attempts,
        argMax(alert_deliveries.outcome, attempt) AS outcome,
        argMax(alert_deliveries.status, attempt) AS status,
        argMax(alert_deliveries.reason, attempt) AS reason
    FROM alert_deliveries
    GROUP BY notice_id, webhook
) AS tried USING (notice_id, webhook)
ORDER BY noticed_at_ms, webhook
