-- The answers for each post that several people answered for, but for those of adjudicators: agreement is told from these.
SELECT groupArray(toString(label)) AS answers
FROM labels FINAL
WHERE label != '' AND origin != 'adjudication' AND labelled_at >= fromUnixTimestamp64Milli({from_ms:Int64})
GROUP BY post_id
HAVING length(answers) > 1
