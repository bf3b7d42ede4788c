-- Posts by minute windows: the live one [from_ms, to_ms) is season 0, the same one of k seasons ago is season k. For the stream
-- (`by` 'all'), each source or each hashtag that has at least `min_posts` in the live one, the largest first; `chosen` counts
-- those of class {label:String}; seasons in which a name had none are left out. `candidates` counts the names with `min_posts` in all
-- these windows together: those that could have been here. Read by alert rules of kind spike.
WITH
    toUInt32(intDiv({to_ms:Int64}, 60000)) AS to_minute,
    toUInt32(intDiv({to_ms:Int64} - {from_ms:Int64}, 60000)) AS length,
    counted AS
    (
        SELECT minute, if({by:String} = 'source', toString(source), '') AS name, label, posts
        FROM sentiment_1m
        WHERE {by:String} != 'hashtag'
        UNION ALL
        SELECT minute, hashtag AS name, label, posts
        FROM hashtags_1m
        WHERE {by:String} = 'hashtag'
    ),
    seasons AS
    (
        SELECT
            name,
            intDiv(to_minute - 1 - toUInt32(intDiv(toUnixTimestamp(minute), 60)), {season_minutes:UInt32}) AS season,
            sum(posts) AS n,
            sumIf(posts, label = {label:String}) AS k
        FROM counted
        WHERE minute < fromUnixTimestamp64Milli({to_ms:Int64})
            AND minute >= fromUnixTimestamp64Milli({from_ms:Int64} - {periods:Int64} * {season_minutes:UInt32} * 60000)
            AND (to_minute - 1 - toUInt32(intDiv(toUnixTimestamp(minute), 60))) % {season_minutes:UInt32} < length
            AND (empty({only:Array(String)}) OR name IN {only:Array(String)})
        GROUP BY name, season
    )
SELECT name, candidates, live, live_chosen, past_seasons, past_posts, past_chosen
FROM
(
    SELECT
        name,
        count() OVER () AS candidates,
        sumIf(n, season = 0) AS live,
        sumIf(k, season = 0) AS live_chosen,
        groupArrayIf(season, season > 0) AS past_seasons,
        groupArrayIf(n, season > 0) AS past_posts,
        groupArrayIf(k, season > 0) AS past_chosen
    FROM seasons
    GROUP BY name
    HAVING sum(n) >= {min_posts:UInt64}
)
WHERE live >= {min_posts:UInt64}
ORDER BY live DESC, name
LIMIT {groups:UInt32}
