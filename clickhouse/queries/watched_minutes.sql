-- What a model version did since a moment, by minute of scoring: posts, and per class; for canaries and the watch of a new
-- champion. Shadow rows stay out.
SELECT
    toUnixTimestamp64Milli(toDateTime64(toStartOfMinute(scored_at), 3, 'UTC')) AS minute_ms,
    label,
    count() AS posts,
    sum(confidence) AS confidence_sum
FROM scores
WHERE shadow = 0 AND model_name = {model_name:String} AND model_version = {model_version:UInt32}
  AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64})
GROUP BY minute_ms, label
ORDER BY minute_ms, label
