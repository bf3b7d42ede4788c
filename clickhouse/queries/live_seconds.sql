-- Posts per second and class. Read by the dashboard several times a second, for the last half minute only.
SELECT
    toUnixTimestamp(scored_at) AS second,
    label,
    count() AS posts
FROM scores
WHERE shadow = 0 AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64})
GROUP BY second, label
ORDER BY second, label
