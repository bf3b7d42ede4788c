-- Posts that the model failed on since a moment, in blocks of time.
SELECT
    intDiv(toUnixTimestamp64Milli(dead_at), {block_length:UInt32}) * {block_length:UInt32} AS block_ms,
    count() AS posts
FROM dead_posts
WHERE stage = 'score' AND code = 'INFERENCE_FAILED' AND dead_at >= fromUnixTimestamp64Milli({from_ms:Int64})
GROUP BY block_ms
ORDER BY block_ms
