-- How many posts of a stretch a version has scored, and where the first and the last of them lie (0 without any). Read by
-- jobs/drift to see how far a baseline has come, and up to where a window can reach.
SELECT
    count() AS posts,
    if(posts = 0, 0, toUnixTimestamp64Milli(min(event_at))) AS first_ms,
    if(posts = 0, 0, toUnixTimestamp64Milli(max(event_at))) AS last_ms
FROM scores
WHERE shadow = 0
  AND model_name = {model_name:String}
  AND model_version = {model_version:UInt32}
  AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
