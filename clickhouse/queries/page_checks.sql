-- The last drift checks, newest first: their verdict rows.
SELECT
    check_id,
    toUnixTimestamp64Milli(checked_at) AS checked_at_ms,
    toUnixTimestamp64Milli(window_from) AS from_ms,
    toUnixTimestamp64Milli(window_to) AS to_ms,
    model_name,
    model_version,
    toString(verdict) AS verdict,
    live_rows,
    details
FROM drift_checks
WHERE segment = '' AND statistic = 'verdict'
ORDER BY checked_at DESC, check_id
LIMIT 1 BY check_id
LIMIT {rows:UInt32}
