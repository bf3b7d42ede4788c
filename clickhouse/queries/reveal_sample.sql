-- Posts scored in [from, until) whose true label came with them, of a share of all posts by a hash of their id, that
-- nobody has answered for.
SELECT
    post_id,
    text,
    toUnixTimestamp64Milli(event_at) AS event_at_ms,
    given_label AS label
FROM scores
WHERE shadow = 0
  AND given_label != ''
  AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND scored_at < fromUnixTimestamp64Milli({until_ms:Int64})
  AND sipHash64(post_id, 'reveal') / 18446744073709551616 < {share:Float64}
  AND post_id NOT IN (SELECT post_id FROM labels FINAL WHERE label != '')
ORDER BY scored_at, post_id
LIMIT 1 BY post_id
LIMIT {rows:UInt32}
