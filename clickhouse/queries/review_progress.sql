-- How far the review is: posts asked about, of them answered, and posts of any origin on which answers tie.
SELECT
    uniqExact(post_id) AS asked,
    uniqExactIf(post_id, post_id IN (SELECT post_id FROM labels FINAL WHERE label != '')) AS answered,
    (SELECT countIf(tied = 1 AND text != '') FROM labels_effective) AS disputed,
    (SELECT uniqExact(post_id) FROM labels FINAL WHERE label != '') AS labelled,
    toUnixTimestamp64Milli(max(queued_at)) AS queued_at_ms
FROM review_queue
