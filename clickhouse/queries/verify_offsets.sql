-- What the tables hold of each partition, scored or dead: complete and without doubles when rows = offsets = last - first + 1.
SELECT
    topic_id,
    partition,
    count() AS rows,
    uniqExact(offset) AS offsets,
    min(offset) AS first_offset,
    max(offset) AS last_offset,
    countIf(dead = 1) AS dead_rows
FROM
(
    SELECT topic_id, partition, offset, 0 AS dead FROM scores WHERE topic = {topic:String} AND shadow = 0
    UNION ALL
    SELECT topic_id, partition, offset, 1 AS dead FROM dead_posts WHERE topic = {topic:String}
)
GROUP BY topic_id, partition
ORDER BY topic_id, partition
