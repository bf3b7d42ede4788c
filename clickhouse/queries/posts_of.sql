-- Text and time of the given posts, as far as they were scored or queued, and the probability with which the queue chose one.
SELECT
    post_id,
    argMin(text, origin) AS text,
    argMin(event_at_ms, origin) AS event_at_ms,
    max(probability) AS selection_probability -- 0: not by the queue
FROM
(
    SELECT post_id, text, toUnixTimestamp64Milli(event_at) AS event_at_ms, 0 AS origin, toFloat64(0) AS probability
    FROM scores
    WHERE post_id IN {post_ids:Array(String)}
    LIMIT 1 BY post_id
    UNION ALL
    SELECT post_id, text, toUnixTimestamp64Milli(event_at) AS event_at_ms, 1 AS origin, selection_probability AS probability
    FROM review_queue
    WHERE post_id IN {post_ids:Array(String)}
    ORDER BY queued_at
    LIMIT 1 BY post_id
)
GROUP BY post_id
