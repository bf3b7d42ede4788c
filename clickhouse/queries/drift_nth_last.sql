-- Event time of the n-th of a version's last posts before a time, not looking back further than `from_ms`. Read by
-- jobs/drift, whose window grows into the past until it holds enough posts.
SELECT toUnixTimestamp64Milli(min(event_at)) AS at_ms, count() AS posts
FROM
(
    SELECT event_at
    FROM scores
    WHERE shadow = 0
      AND model_name = {model_name:String}
      AND model_version = {model_version:UInt32}
      AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
      AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
    ORDER BY event_at DESC
    LIMIT {posts:UInt64}
)
