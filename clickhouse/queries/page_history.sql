-- How the statistics that decide, of the whole stream, went over the last checks, oldest first.
SELECT
    statistic,
    toUnixTimestamp64Milli(checked_at) AS checked_at_ms,
    value,
    threshold,
    toString(verdict) AS verdict
FROM drift_checks
WHERE segment = '' AND statistic != 'verdict' AND check_id IN {check_ids:Array(String)}
  AND JSONExtractRaw(details, 'decides') != 'false'
ORDER BY checked_at, check_id
LIMIT 1 BY check_id, statistic
