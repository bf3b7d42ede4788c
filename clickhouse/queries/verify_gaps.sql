-- The first missing stretches between the offsets of one partition, before the position; verify_offsets.sql says what that
-- is, and shows what is missing at either end. The next ones follow with `from` one behind the last `to_offset`.
SELECT previous + 1 AS from_offset, offset - 1 AS to_offset
FROM
(
    SELECT
        offset,
        lagInFrame(offset, 1, offset) OVER (ORDER BY offset ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM
    (
        SELECT offset FROM scores
        WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND partition = {partition:UInt16} AND shadow = 0
        UNION ALL
        SELECT offset FROM dead_posts
        WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND partition = {partition:UInt16}
            AND
            (
                {positions_in:String} = 'dead_posts'
                OR offset <
                (
                    SELECT max(offset) FROM scores
                    WHERE topic = {topic:String} AND topic_id = {topic_id:String} AND partition = {partition:UInt16}
                        AND shadow = 0
                )
            )
    )
    WHERE offset >= {from:UInt64}
)
WHERE offset > previous + 1
ORDER BY from_offset
LIMIT {limit:UInt32}
