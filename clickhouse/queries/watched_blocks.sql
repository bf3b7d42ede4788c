-- What a model version did since a moment, in blocks of time of scoring: posts and confidence by class; for canaries and the
-- watch of a new champion. Shadow rows stay out.
SELECT
    intDiv(toUnixTimestamp64Milli(scored_at), {block_length:UInt32}) * {block_length:UInt32} AS block_ms,
    label,
    count() AS posts,
    sum(confidence) AS confidence_sum
FROM scores
WHERE shadow = 0 AND model_name = {model_name:String} AND model_version = {model_version:UInt32}
  AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64})
GROUP BY block_ms, label
ORDER BY block_ms, label
