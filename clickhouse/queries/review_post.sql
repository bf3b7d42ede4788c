-- A post as it was queued.
SELECT
    post_id,
    text,
    toUnixTimestamp64Milli(event_at) AS event_at_ms,
    source,
    lang,
    classes,
    strategy,
    selection_probability
FROM review_queue
WHERE post_id = {post_id:String}
ORDER BY queued_at
LIMIT 1
