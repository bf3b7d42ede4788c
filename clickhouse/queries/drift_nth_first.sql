-- Event time of the n-th of a version's first posts, by event time. Read by jobs/drift: there a baseline has its posts.
SELECT toUnixTimestamp64Milli(max(event_at)) AS at_ms, count() AS posts
FROM
(
    SELECT event_at
    FROM scores
    WHERE shadow = 0
      AND model_name = {model_name:String}
      AND model_version = {model_version:UInt32}
      AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
    ORDER BY event_at
    LIMIT {posts:UInt64}
)
