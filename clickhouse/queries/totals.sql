-- Everything ever kept, per topic identity and partition. Served by projection `progress`, so cheap at any size.
SELECT topic, topic_id, partition, count() AS posts, max(offset) AS last_offset
FROM scores
WHERE shadow = 0
GROUP BY topic, topic_id, partition, shadow
ORDER BY topic, topic_id, partition
