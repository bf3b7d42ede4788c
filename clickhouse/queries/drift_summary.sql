-- What the posts of a stretch come to: counts by block, source and language, all a drift check needs of them but a sample.
-- Read by jobs/drift. `edges_ms` cut the stretch into blocks; a window is one block and has none. Confidence is counted in
-- 50 equal bins, tokens with their squares, for the variance of the rate of unknown ones.
SELECT
    arrayCount(edge -> edge <= toUnixTimestamp64Milli(event_at), {edges_ms:Array(Int64)}) AS block,
    source,
    lang,
    count() AS posts,
    sumMap(map(label, toUInt64(1))) AS by_class,
    sumMap(map(toString(least(floor(confidence * 50), 49)), toUInt64(1))) AS by_confidence,
    sum(tokens) AS all_tokens,
    sum(unknown_tokens) AS all_unknown,
    sum(toUInt64(tokens) * tokens) AS tokens_squared,
    sum(toUInt64(unknown_tokens) * tokens) AS unknown_by_tokens,
    sum(toUInt64(unknown_tokens) * unknown_tokens) AS unknown_squared
FROM scores
WHERE shadow = 0
  AND model_name = {model_name:String}
  AND model_version = {model_version:UInt32}
  AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
GROUP BY block, source, lang
ORDER BY block, source, lang
