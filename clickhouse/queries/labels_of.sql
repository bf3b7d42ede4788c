-- Every person's newest answer for the given posts, withdrawn ones ('') too.
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
WHERE post_id IN {post_ids:Array(String)}
ORDER BY post_id, labelled_by
