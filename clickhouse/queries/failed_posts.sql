-- Posts that the model failed on since a moment.
SELECT count() AS posts
FROM dead_posts
WHERE stage = 'score' AND code = 'INFERENCE_FAILED' AND dead_at >= fromUnixTimestamp64Milli({from_ms:Int64})
