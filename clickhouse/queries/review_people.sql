-- Answers in the review by person, the busiest first.
SELECT labelled_by, countIf(label != '') AS answers, countIf(label = '' AND note = 'skipped') AS skipped
FROM labels FINAL
WHERE origin IN ('review', 'adjudication')
GROUP BY labelled_by
HAVING answers + skipped > 0
ORDER BY answers DESC, labelled_by
LIMIT 50
