-- The newest labelled posts of a stretch with what a version said about them. Posts on which the answers tie count as not
-- labelled, labels of posts that were never scored have no row. Read by jobs/drift.
SELECT
    score.post_id AS post_id,
    score.text AS text,
    score.source AS source,
    score.lang AS lang,
    score.tokens AS tokens,
    score.unknown_tokens AS unknown_tokens,
    effective.label AS label,
    score.label AS predicted,
    score.probabilities AS probabilities,
    effective.selection_probability AS selection_probability
FROM
(
    SELECT post_id, event_at, text, source, lang, tokens, unknown_tokens, label, probabilities
    FROM scores
    WHERE shadow = 0
      AND model_name = {model_name:String}
      AND model_version = {model_version:UInt32}
      AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
      AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
      AND post_id IN (SELECT post_id FROM labels WHERE label != '')
    ORDER BY scored_at DESC, partition, offset DESC
    LIMIT 1 BY post_id
) AS score
INNER JOIN (SELECT post_id, label, selection_probability FROM labels_effective WHERE tied = 0) AS effective USING (post_id)
ORDER BY score.event_at DESC, post_id
LIMIT {posts:UInt64}
