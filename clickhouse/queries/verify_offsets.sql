-- What the tables hold of each partition, scored or dead. Before `position`, where the job goes on, no offset may be
-- missing; from there on there may be dead posts (`ahead`), which are written before the scores of their batch.
-- `positions_in` names the table whose highest offset is the position: dead_posts for the dead topic, else scores.
SELECT
    topic_id,
    partition,
    count() AS rows,
    uniqExact(offset) AS offsets,
    uniqExactIf(offset, offset >= next_offset) AS ahead,
    min(offset) AS first_offset,
    max(next_offset) AS position,
    countIf(dead = 1) AS dead_rows
FROM
(
    SELECT topic_id, partition, offset, 0 AS dead FROM scores WHERE topic = {topic:String} AND shadow = 0
    UNION ALL
    SELECT topic_id, partition, offset, 1 AS dead FROM dead_posts WHERE topic = {topic:String}
) AS held
LEFT JOIN
(
    SELECT topic_id, partition, max(offset) + 1 AS next_offset
    FROM
    (
        SELECT topic_id, partition, offset FROM scores
        WHERE topic = {topic:String} AND shadow = 0 AND {positions_in:String} = 'scores'
        UNION ALL
        SELECT topic_id, partition, offset FROM dead_posts
        WHERE topic = {topic:String} AND {positions_in:String} = 'dead_posts'
    )
    GROUP BY topic_id, partition
) AS positions USING (topic_id, partition)
GROUP BY topic_id, partition
ORDER BY topic_id, partition
