-- Posts that were scored and posts that were refused between two times, by the time it happened. Read by alert rules of
-- kind errorRate.
SELECT
    (
        SELECT count()
        FROM scores
        WHERE shadow = 0
            AND scored_at > fromUnixTimestamp64Milli({from_ms:Int64}) AND scored_at <= fromUnixTimestamp64Milli({to_ms:Int64})
    ) AS scored,
    count() AS dead,
    mapSort((name, n) -> -toInt64(n), sumMap(map(code, toUInt64(1)))) AS codes
FROM dead_posts
WHERE dead_at > fromUnixTimestamp64Milli({from_ms:Int64}) AND dead_at <= fromUnixTimestamp64Milli({to_ms:Int64})
