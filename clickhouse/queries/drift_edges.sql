-- Event times that cut a stretch into 20 blocks of about equally many posts. Read by jobs/drift for a new baseline.
SELECT arrayMap(at -> toInt64(at), quantilesExact(
    0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95
)(toUnixTimestamp64Milli(event_at))) AS edges_ms
FROM scores
WHERE shadow = 0
  AND model_name = {model_name:String}
  AND model_version = {model_version:UInt32}
  AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
