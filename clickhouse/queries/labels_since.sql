-- Posts that a model version scored since a moment and whose label came later, in the order of the labels: the evidence of
-- a watch, which only grows at its end.
SELECT
    known.post_id AS post_id,
    known.text AS text,
    known.label AS label,
    known.selection_probability AS selection_probability,
    toUnixTimestamp64Milli(known.labelled_at) AS labelled_at_ms
FROM (SELECT post_id, text, label, selection_probability, labelled_at FROM labels_effective WHERE label != '') AS known
WHERE known.post_id IN
(
    SELECT post_id
    FROM scores
    WHERE shadow = 0 AND model_name = {model_name:String} AND model_version = {model_version:UInt32}
      AND scored_at >= fromUnixTimestamp64Milli({from_ms:Int64})
)
ORDER BY labelled_at_ms, post_id
LIMIT {most:UInt32}
