-- How far the review is: posts asked about, of them answered, and posts of any origin on which answers tie. (The tie is
-- told here as view labels_effective tells it, without looking for texts in `scores`.)
WITH answered AS
(
    SELECT
        post_id,
        max(text) AS text,
        sumMap(map(toString(label), toUInt64(1))) AS votes,
        arrayCount(n -> n = arrayMax(mapValues(votes)), mapValues(votes)) > 1
            AND countIf(origin = 'adjudication') = 0 AS tied
    FROM labels FINAL
    WHERE label != ''
    GROUP BY post_id
)
SELECT
    uniqExact(post_id) AS asked,
    uniqExactIf(post_id, post_id IN (SELECT post_id FROM answered)) AS answered,
    (SELECT countIf(tied AND text != '') FROM answered) AS disputed,
    (SELECT count() FROM answered) AS labelled,
    toUnixTimestamp64Milli(max(queued_at)) AS queued_at_ms
FROM review_queue
