-- Answers of an event-time window [from, to), one row each, oldest post first. Withdrawn ones are left out.
SELECT
    post_id,
    labelled_by,
    toUnixTimestamp64Milli(labelled_at) AS labelled_at_ms,
    label,
    text,
    toUnixTimestamp64Milli(event_at) AS event_at_ms,
    origin,
    selection_probability,
    note
FROM labels FINAL
WHERE label != ''
  AND event_at >= fromUnixTimestamp64Milli({from_ms:Int64})
  AND event_at < fromUnixTimestamp64Milli({to_ms:Int64})
ORDER BY event_at_ms, post_id, labelled_by
