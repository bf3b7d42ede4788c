-- Event times that cut a stretch into blocks of about equally many posts. Read by jobs/drift, for a new baseline and for a window.
SELECT arrayMap(
    at -> sorted[toUInt64(ceil(at * length(sorted) / {blocks:UInt32})) + 1],
    range(1, {blocks:UInt32})
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
