-- What each post of a replay was scored as, in the order in which they were written.
SELECT
    post_id,
    text,
    toUnixTimestamp64Milli(event_at) AS event_at_ms,
    given_label,
    label,
    model_version,
    post_id IN (SELECT post_id FROM labels WHERE label != '') AS labelled
FROM scores
WHERE shadow = 0
ORDER BY event_at, partition, offset
