-- What a model version said about the labelled posts of an event-time window [from, to), one row a post: tied posts have
-- no label and are left out. Rows of a challenger count too; of a post that was scored several times, the newest row
-- that was no shadow. The window prunes `scores` by its index, the labelled ids by the Bloom filter.
WITH effective AS
(
    SELECT post_id, label, answers, agreeing, adjudicated, origins, selection_probability, labelled_at
    FROM labels_effective
    WHERE tied = 0
)
SELECT
    score.post_id AS post_id,
    score.text AS text,
    toUnixTimestamp64Milli(score.event_at) AS event_at_ms,
    toUnixTimestamp64Milli(effective.labelled_at) AS labelled_at_ms,
    score.source AS source,
    score.lang AS lang,
    effective.label AS label,
    score.label AS predicted,
    score.confidence AS confidence,
    score.probabilities AS probabilities,
    effective.selection_probability AS selection_probability,
    effective.answers AS answers,
    effective.agreeing AS agreeing,
    effective.adjudicated AS adjudicated,
    effective.origins AS origins,
    score.model_name AS model_name,
    score.model_version AS model_version,
    score.shadow AS shadow
FROM
(
    SELECT post_id, text, event_at, source, lang, label, confidence, probabilities, model_name, model_version, shadow
    FROM scores
    WHERE model_name = {model_name:String}
      AND model_version = {model_version:UInt32}
      AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
      AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
      AND post_id IN (SELECT post_id FROM labels WHERE label != '')
    ORDER BY shadow, scored_at DESC, partition, offset DESC
    LIMIT 1 BY post_id
) AS score
INNER JOIN effective USING (post_id)
ORDER BY event_at_ms, post_id
