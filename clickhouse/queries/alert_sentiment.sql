-- Posts of a window of event time, by class, for the stream (`by` 'all'), each source or each hashtag: those with at least
-- `min_posts`, the largest first. Read by alert rules of kind sentiment.
SELECT name, sum(posts) AS total, groupArray(label) AS labels, groupArray(posts) AS counts
FROM
(
    SELECT
        arrayJoin(multiIf(
            {by:String} = 'source', [toString(source)],
            {by:String} = 'hashtag', arrayDistinct(hashtags),
            [''])) AS name,
        label,
        count() AS posts
    FROM scores
    WHERE shadow = 0
        AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64}) AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
        AND (empty({only:Array(String)}) OR name IN {only:Array(String)})
    GROUP BY name, label
)
GROUP BY name
HAVING total >= {min_posts:UInt64}
ORDER BY total DESC, name
LIMIT {groups:UInt32}
