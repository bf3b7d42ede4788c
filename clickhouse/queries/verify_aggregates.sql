-- Aggregates against rows: the same grouping answered once by the projections and once, with them switched off, by the
-- rows. `aggregate` names the view. Any row this returns is a difference.
SELECT
    aggregate,
    key,
    sumIf(posts, side = 'projection') AS projected,
    sumIf(posts, side = 'rows') AS counted
FROM
(
    SELECT 'sentiment_1m' AS aggregate, 'projection' AS side, concat(toString(minute), ' ', label) AS key, sum(posts) AS posts
    FROM sentiment_1m GROUP BY key
    UNION ALL
    SELECT 'sentiment_1m', 'rows', concat(toString(minute), ' ', label) AS key, count()
    FROM (SELECT toStartOfMinute(event_at) AS minute, label FROM scores WHERE shadow = 0 SETTINGS optimize_use_projections = 0)
    GROUP BY key
    UNION ALL
    SELECT 'hashtags_1m', 'projection', concat(toString(minute), ' ', hashtag) AS key, sum(posts)
    FROM hashtags_1m GROUP BY key
    UNION ALL
    SELECT 'hashtags_1m', 'rows', concat(toString(minute), ' ', hashtag) AS key, count()
    FROM (SELECT toStartOfMinute(event_at) AS minute, arrayJoin(hashtags) AS hashtag FROM scores WHERE shadow = 0 SETTINGS optimize_use_projections = 0)
    GROUP BY key
)
GROUP BY aggregate, key
HAVING projected != counted
ORDER BY aggregate, key
LIMIT {limit:UInt32}
