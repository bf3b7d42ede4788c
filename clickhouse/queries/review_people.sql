-- Answers by person, the busiest first; those of imported files are not counted as somebody's work here.
SELECT labelled_by, countIf(label != '') AS answers, countIf(label = '' AND note = 'skipped') AS skipped
FROM labels FINAL
WHERE origin != 'import'
GROUP BY labelled_by
HAVING answers + skipped > 0
ORDER BY answers DESC, labelled_by
LIMIT 50
