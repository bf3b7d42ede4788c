-- The posts scored last, newest first. Long texts are cut: a snapshot of fifty goes out several times a second.
SELECT
    concat(topic_id, '/', toString(partition), '/', toString(offset)) AS key,
    post_id,
    substringUTF8(scores.text, 1, {text_length:UInt32}) AS text,
    lengthUTF8(scores.text) > {text_length:UInt32} AS cut,
    label,
    least(greatest(ifNotFinite(scores.confidence, 0), 0), 1) AS confidence, -- 32 bits may round above 1
    source,
    toUnixTimestamp64Milli(scored_at) AS scored_at_ms
FROM scores
WHERE shadow = 0 AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64})
ORDER BY scored_at DESC, partition, offset DESC
LIMIT {rows:UInt32}
