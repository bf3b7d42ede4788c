-- All that was ever scored, and all that was refused. Served by projection `positions` and by the parts themselves.
SELECT
    (SELECT count() FROM scores WHERE shadow = 0) AS scored,
    (SELECT count() FROM dead_posts) AS dead
