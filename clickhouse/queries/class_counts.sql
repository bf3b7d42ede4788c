-- Posts per class, from the rows (projections off).
SELECT label, count() AS posts FROM scores WHERE shadow = 0 GROUP BY label ORDER BY label SETTINGS optimize_use_projections = 0
