-- The last checks of a model, the newest first: the row of each that holds its verdict. Read by `driftline drift status`
-- and by jobs/drift, which looks no window over twice.
SELECT
    check_id,
    toUnixTimestamp64Milli(checked_at) AS checked_at_ms,
    toUnixTimestamp64Milli(window_from) AS window_from_ms,
    toUnixTimestamp64Milli(window_to) AS window_to_ms,
    model_version,
    live_rows,
    verdict,
    details
FROM drift_checks
WHERE model_name = {model_name:String} AND segment = '' AND statistic = 'verdict'
ORDER BY checked_at DESC, check_id DESC
LIMIT {checks:UInt64}
