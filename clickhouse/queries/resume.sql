-- Where each partition goes on: one row per topic identity and partition. Served by projection `progress`.
SELECT topic, topic_id, partition, max(offset) + 1 AS next_offset, count() AS rows
FROM scores
WHERE topic = {topic:String} AND shadow = 0
GROUP BY topic, topic_id, partition, shadow
ORDER BY topic_id, partition
