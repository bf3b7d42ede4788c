-- Event times that cut a stretch into 100 blocks of about equally many posts. Read by jobs/drift for a new baseline.
SELECT arrayMap(
    at -> sorted[toUInt64(ceil(at * length(sorted) / 100)) + 1],
    range(1, 100)
) AS edges_ms
FROM
(
    SELECT arraySort(groupArray(toUnixTimestamp64Milli(event_at))) AS sorted
    FROM scores
    WHERE shadow = 0
      AND model_name = {model_name:String}
      AND model_version = {model_version:UInt32}
      AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
      AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
)
