-- Posts of a model version in an event-time window [from, to) that nobody was asked about and nobody answered for.
SELECT uniqExact(post_id) AS posts
FROM scores
WHERE shadow = 0
  AND model_name = {model_name:String}
  AND model_version = {model_version:UInt32}
  AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
  AND post_id NOT IN (SELECT post_id FROM labels FINAL WHERE label != '')
  AND post_id NOT IN (SELECT post_id FROM review_queue)
