-- Rows that were not scored by the version that `swaps` names for their offset. Of the changes at or below an offset, the
-- last in time counts: a partition that began again further back was recorded again from there.
WITH changes AS
(
    SELECT
        topic_id,
        partition,
        first_offset,
        model_name,
        to_version,
        count() OVER later AS followers,
        min(first_offset) OVER later AS next_offset
    FROM swaps
    WHERE topic = {topic:String} AND outcome IN ('started', 'swapped')
    WINDOW later AS (PARTITION BY topic_id, partition ORDER BY swapped_at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
)
SELECT scores.topic_id AS topic_id, scores.partition AS partition, offset, scores.model_version AS version, to_version AS recorded
FROM
(
    SELECT topic_id, partition, offset, model_name, model_version FROM scores WHERE topic = {topic:String} AND shadow = 0
) AS scores
ASOF INNER JOIN
(
    SELECT * FROM changes WHERE followers = 0 OR first_offset < next_offset
) AS spans ON scores.topic_id = spans.topic_id AND scores.partition = spans.partition AND scores.offset >= spans.first_offset
WHERE scores.model_version != to_version OR scores.model_name != spans.model_name
ORDER BY topic_id, partition, offset
LIMIT {limit:UInt32}
