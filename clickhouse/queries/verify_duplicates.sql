-- The first offsets that stand more than once in scores and dead_posts together.
SELECT topic_id, partition, offset, count() AS rows
FROM
(
    SELECT topic_id, partition, offset FROM scores WHERE topic = {topic:String} AND shadow = 0
    UNION ALL
    SELECT topic_id, partition, offset FROM dead_posts WHERE topic = {topic:String}
)
GROUP BY topic_id, partition, offset
HAVING rows > 1
ORDER BY topic_id, partition, offset
LIMIT {limit:UInt32}
