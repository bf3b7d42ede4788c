-- Posts per class, from the view. Equal to class_counts.sql, always.
SELECT label, sum(posts) AS posts FROM sentiment_1m GROUP BY label ORDER BY label
