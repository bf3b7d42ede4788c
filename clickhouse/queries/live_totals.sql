-- All that was ever scored, and all that was refused. Answered by a projection, cheap at any size.
SELECT
    (SELECT count() FROM scores WHERE shadow = 0) AS scored,
    (SELECT count() FROM dead_posts) AS dead
