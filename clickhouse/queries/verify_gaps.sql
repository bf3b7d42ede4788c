-- The first missing stretches between the offsets of a partition; what is missing at either end shows in verify_offsets.
SELECT topic_id, partition, previous + 1 AS from_offset, offset - 1 AS to_offset
FROM
(
    SELECT
        topic_id,
        partition,
        offset,
        lagInFrame(offset, 1, offset) OVER (PARTITION BY topic_id, partition ORDER BY offset ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM
    (
        SELECT topic_id, partition, offset FROM scores WHERE topic = {topic:String} AND shadow = 0
        UNION ALL
        SELECT topic_id, partition, offset FROM dead_posts WHERE topic = {topic:String}
    )
)
WHERE offset > previous + 1
ORDER BY topic_id, partition, from_offset
LIMIT {limit:UInt32}
