-- Posts on which two classes lead, for an adjudicator; `classes` is empty for a post that the queue never asked about.
SELECT
    effective.post_id AS post_id,
    effective.text AS text,
    toUnixTimestamp64Milli(effective.event_at) AS event_at_ms,
    queue.source AS source,
    queue.lang AS lang,
    queue.classes AS classes,
    if(queue.strategy = '', 'audit', queue.strategy) AS strategy,
    effective.selection_probability AS selection_probability
FROM labels_effective AS effective
LEFT JOIN (SELECT * FROM review_queue ORDER BY queued_at LIMIT 1 BY post_id) AS queue USING (post_id)
WHERE effective.tied = 1 AND effective.text != '' AND effective.post_id NOT IN {except:Array(String)}
ORDER BY effective.labelled_at, effective.post_id
LIMIT {rows:UInt32}
