-- A uniform sample of the posts of a stretch, the same at each call: those with the smallest hashes of their ids. Read by
-- jobs/drift for words, example posts and calibrated confidence.
SELECT
    post_id,
    text,
    label,
    probabilities,
    source,
    lang,
    tokens,
    unknown_tokens,
    hashtags,
    arrayCount(edge -> edge <= toUnixTimestamp64Milli(event_at), {edges_ms:Array(Int64)}) AS block
FROM scores
WHERE shadow = 0
  AND model_name = {model_name:String}
  AND model_version = {model_version:UInt32}
  AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
ORDER BY cityHash64(post_id)
LIMIT {posts:UInt64}
