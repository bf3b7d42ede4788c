-- A share of the posts that review_population.sql counts, each chosen by a hash of its id and a seed, with its newest score.
SELECT
    post_id,
    text,
    toUnixTimestamp64Milli(event_at) AS event_at_ms,
    source,
    lang,
    label,
    probabilities
FROM scores
WHERE shadow = 0
  AND model_name = {model_name:String}
  AND model_version = {model_version:UInt32}
  AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
  AND sipHash64(post_id, {seed:String}) / 18446744073709551616 < {share:Float64}
  AND post_id NOT IN (SELECT post_id FROM labels FINAL WHERE label != '')
  AND post_id NOT IN (SELECT post_id FROM review_queue)
ORDER BY post_id, scored_at DESC, partition, offset DESC
LIMIT 1 BY post_id
