-- Labelled posts of an event-time window [from, to), one row each: what all answers for it come to (the view says how).
-- A post on which two classes tie has label ''. Read by training, by `labels export` and by the dashboard.
SELECT
    post_id,
    text,
    toUnixTimestamp64Milli(event_at) AS event_at_ms,
    label,
    answers,
    agreeing,
    adjudicated,
    tied,
    origins,
    selection_probability,
    toUnixTimestamp64Milli(labelled_at) AS labelled_at_ms
FROM labels_effective
WHERE event_at_ms >= {from_ms:Int64} AND event_at_ms < {to_ms:Int64}
ORDER BY event_at_ms, post_id
