-- The newest labelled posts of an event-time window [from, to), one row each, for a retraining: what all answers come to
-- (label '' where two classes tie), and source and language as they were scored.
SELECT
    known.post_id AS post_id,
    known.text AS text,
    toUnixTimestamp64Milli(known.event_at) AS event_at_ms,
    known.label AS label,
    known.selection_probability AS selection_probability,
    scored.source AS source,
    scored.lang AS lang
FROM
(
    SELECT post_id, text, event_at, label, selection_probability
    FROM labels_effective
    WHERE event_at >= fromUnixTimestamp64Milli({from_ms:Int64}) AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
    ORDER BY event_at DESC, post_id
    LIMIT {most:UInt32}
) AS known
LEFT JOIN
(
    SELECT post_id, any(source) AS source, any(lang) AS lang
    FROM scores
    WHERE post_id IN (SELECT post_id FROM labels WHERE label != '')
    GROUP BY post_id
) AS scored USING (post_id)
ORDER BY event_at_ms, post_id
