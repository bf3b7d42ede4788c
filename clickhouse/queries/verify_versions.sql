-- Rows that were not scored by the version that `swaps` names for them. Of the changes at or below an offset, the last in
-- time counts: a partition that began again further back was recorded again from there. It names the champion, and the
-- challengers with their slots; a post's slot is computed here again. A canary's post may be scored by the champion
-- where the row says for whom it stood in. `recorded` is 0 for a shadow that `swaps` does not know there.
WITH changes AS
(
    SELECT
        topic_id,
        partition,
        first_offset,
        model_name,
        champion_version,
        challengers,
        count() OVER later AS followers,
        min(first_offset) OVER later AS next_offset
    FROM swaps
    WHERE topic = {topic:String}
        AND outcome IN ('started', 'swapped', 'canary_started', 'canary_changed', 'canary_ended', 'shadow_started', 'shadow_changed', 'shadow_ended')
    WINDOW later AS (PARTITION BY topic_id, partition ORDER BY swapped_at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
)
SELECT
    scores.topic_id AS topic_id,
    scores.partition AS partition,
    offset,
    scores.model_version AS version,
    if(empty(challengers), 0, toUInt32(bitShiftRight(toUInt64(reinterpretAsUInt32(substring(SHA256(post_id), 1, 4))) * 10000, 32))) AS slot,
    arrayFilter(side -> slot >= side.slot_from AND slot < side.slot_to, challengers) AS sides,
    arrayFirst(side -> side.shadow = 0, sides).version AS canary,
    if(canary = 0, champion_version, canary) AS routed,
    if(shadow = 0, routed, 0) AS recorded
FROM
(
    SELECT topic_id, partition, offset, post_id, model_name, model_version, shadow, stood_in_for FROM scores WHERE topic = {topic:String}
) AS scores
ASOF INNER JOIN
(
    SELECT * FROM changes WHERE followers = 0 OR first_offset < next_offset
) AS spans ON scores.topic_id = spans.topic_id AND scores.partition = spans.partition AND scores.offset >= spans.first_offset
WHERE scores.model_name != spans.model_name
    OR (shadow = 0 AND stood_in_for = 0 AND scores.model_version != routed)
    OR (shadow = 0 AND stood_in_for != 0 AND (stood_in_for != canary OR scores.model_version != champion_version))
    OR (shadow = 1 AND NOT arrayExists(side -> side.shadow = 1 AND side.version = scores.model_version, sides))
ORDER BY topic_id, partition, offset
LIMIT {limit:UInt32}
