-- Where each partition of the dead topic goes on: one row per topic identity and partition. Served by projection `positions`.
SELECT topic, topic_id, partition, max(offset) + 1 AS next_offset, count() AS rows
FROM dead_posts
WHERE topic = {topic:String}
GROUP BY topic, topic_id, partition
ORDER BY topic_id, partition
