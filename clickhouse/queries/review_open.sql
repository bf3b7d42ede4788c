-- Posts that were asked about and that nobody has answered for, and whether a check has asked already.
SELECT
    uniqExactIf(post_id, post_id NOT IN (SELECT post_id FROM labels FINAL WHERE label != '')) AS open,
    countIf(check_id = {check_id:String}) AS asked
FROM review_queue
