-- The newest drift check of a model: its verdict row. Read by alert rules of kind drift.
SELECT
    check_id,
    toUnixTimestamp64Milli(checked_at) AS checked_at_ms,
    model_version,
    verdict,
    JSONExtractString(details, 'state') AS state,
    JSONExtractString(details, 'headline') AS headline,
    JSONExtractBool(details, 'estimateFailed') AS estimate_failed
FROM drift_checks
WHERE model_name = {model_name:String} AND segment = '' AND statistic = 'verdict'
ORDER BY checked_at DESC, check_id DESC
LIMIT 1
