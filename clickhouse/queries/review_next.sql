-- Posts to ask a reviewer about: in the queue, without enough answers, and without one of this person (nor a refusal).
-- Every tenth post, by its hash, wants two answers, so that agreement can be told; where answers tie, one more.
-- The newest check comes first, and within it an order that has nothing to do with the posts: when only a part of a queue
-- is answered, that part is a random one, and the selection probabilities still hold but for one factor.
WITH
    queue AS (SELECT * FROM review_queue ORDER BY queued_at LIMIT 1 BY post_id),
    answered AS
    (
        SELECT
            post_id,
            countIf(label != '') AS answers,
            sumMapIf(map(toString(label), toUInt64(1)), label != '') AS votes,
            arrayCount(n -> n = arrayMax(mapValues(votes)), mapValues(votes)) > 1
                AND countIf(origin = 'adjudication') = 0 AS tied,
            countIf(labelled_by = {reviewer:String} AND (label != '' OR note = 'skipped')) > 0 AS mine
        FROM labels FINAL
        WHERE post_id IN (SELECT post_id FROM review_queue)
        GROUP BY post_id
    )
SELECT
    queue.post_id AS post_id,
    queue.text AS text,
    toUnixTimestamp64Milli(queue.event_at) AS event_at_ms,
    queue.source AS source,
    queue.lang AS lang,
    queue.classes AS classes,
    queue.strategy AS strategy,
    queue.selection_probability AS selection_probability
FROM queue
LEFT JOIN answered USING (post_id)
WHERE answered.mine = 0
  AND (answered.tied OR answered.answers < if(sipHash64(queue.post_id) % 10 = 0, 2, 1))
  AND queue.post_id NOT IN {except:Array(String)}
ORDER BY queue.queued_at DESC, sipHash64(queue.post_id, queue.check_id)
LIMIT {rows:UInt32}
