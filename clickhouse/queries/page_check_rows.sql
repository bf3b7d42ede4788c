-- Every statistic of one check, alarms first. A check that was stored twice counts once.
SELECT
    segment,
    statistic,
    value,
    threshold,
    p_value,
    effect,
    reference_rows,
    live_rows,
    toString(verdict) AS verdict,
    details
FROM drift_checks
WHERE check_id = {check_id:String} AND NOT (segment = '' AND statistic = 'verdict')
ORDER BY toInt8(drift_checks.verdict) DESC, segment, statistic
LIMIT 1 BY segment, statistic
LIMIT 500
