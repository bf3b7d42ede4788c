-- The last minute of event time with posts between two times, of the stream (`by` 'all') or of each source, those with the
-- most posts first. Read by alert rules of kind silence, and answered by projection `minutes`.
SELECT
    if({by:String} = 'source', toString(source), '') AS name,
    toInt64(toUnixTimestamp(max(minute))) * 1000 AS last_minute_ms
FROM sentiment_1m
WHERE minute >= fromUnixTimestamp64Milli({from_ms:Int64}) AND minute <= fromUnixTimestamp64Milli({to_ms:Int64})
    AND (empty({only:Array(String)}) OR name IN {only:Array(String)})
GROUP BY name
ORDER BY sum(posts) DESC, name
LIMIT {groups:UInt32}
