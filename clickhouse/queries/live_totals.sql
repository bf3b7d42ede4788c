-- All that was ever scored, and all that was refused.
SELECT
    (SELECT count() FROM scores WHERE shadow = 0) AS scored,
    (SELECT count() FROM dead_posts) AS dead
