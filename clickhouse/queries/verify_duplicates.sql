-- The first offsets that stand more than once in scores and dead_posts together, or among the rows of one shadow.
SELECT topic_id, partition, offset, count() AS rows
FROM
(
    SELECT topic_id, partition, offset, if(shadow = 1, model_version, 0) AS beside FROM scores WHERE topic = {topic:String}
    UNION ALL
    SELECT topic_id, partition, offset, 0 AS beside FROM dead_posts WHERE topic = {topic:String}
)
GROUP BY topic_id, partition, offset, beside
HAVING rows > 1
ORDER BY topic_id, partition, offset
LIMIT {limit:UInt32}
