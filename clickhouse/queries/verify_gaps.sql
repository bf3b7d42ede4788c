-- The first missing stretches between the offsets of each partition of one topic, before the position; verify_offsets.sql
-- says what that is, and shows what is missing at either end.
SELECT partition, previous + 1 AS from_offset, offset - 1 AS to_offset
FROM
(
    SELECT
        partition,
        offset,
        lagInFrame(offset, 1, offset) OVER (PARTITION BY partition ORDER BY offset ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM
    (
        SELECT partition, offset FROM scores
        WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND shadow = 0
        UNION ALL
        SELECT partition, offset
        FROM dead_posts
        LEFT JOIN
        (
            SELECT partition, max(offset) AS last_scored FROM scores
            WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND shadow = 0
            GROUP BY partition
        ) AS scored USING (partition)
        WHERE topic = {topic:String} AND topic_id = {topic_id:String}
            AND ({positions_in:String} = 'dead_posts' OR offset < last_scored)
    )
)
WHERE offset > previous + 1
ORDER BY partition, from_offset
LIMIT {limit:UInt32}
