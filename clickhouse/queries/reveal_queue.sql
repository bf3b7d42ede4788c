-- Posts of the review queue whose true label came with them, that nobody has answered for; the oldest question first.
SELECT
    queue.post_id AS post_id,
    queue.text AS text,
    toUnixTimestamp64Milli(queue.event_at) AS event_at_ms,
    known.given AS label,
    queue.selection_probability AS selection_probability
FROM (SELECT * FROM review_queue ORDER BY queued_at LIMIT 1 BY post_id) AS queue
INNER JOIN
(
    SELECT post_id, any(given_label) AS given
    FROM scores
    WHERE given_label != '' AND post_id IN (SELECT post_id FROM review_queue)
    GROUP BY post_id
) AS known USING (post_id)
WHERE queue.queued_at <= fromUnixTimestamp64Milli({until_ms:Int64})
  AND queue.post_id NOT IN (SELECT post_id FROM labels FINAL WHERE label != '')
ORDER BY queue.queued_at, queue.post_id
LIMIT {rows:UInt32}
