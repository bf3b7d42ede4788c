-- The most used hashtags of each minute, by class; `scored_at` and not `event_at`, so that a replay of old posts shows too.
SELECT
    minute,
    tag,
    sum(posts_of_label) AS posts,
    groupArray(label) AS labels,
    groupArray(posts_of_label) AS counts
FROM
(
    SELECT
        toUnixTimestamp(toStartOfMinute(scored_at)) AS minute,
        arrayJoin(hashtags) AS tag,
        label,
        count() AS posts_of_label
    FROM scores
    WHERE shadow = 0 AND notEmpty(hashtags) AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64})
    GROUP BY minute, tag, label
)
GROUP BY minute, tag
ORDER BY posts DESC, tag
LIMIT {rows:UInt32} BY minute
