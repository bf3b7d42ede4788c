-- What became of each alert, step by step: it was pending, it fired, people were told again, it was resolved. Rows are only
-- appended, by jobs/alerts. The newest row of an alert is its state, so a restart neither forgets an alert nor fires it anew.
-- A row with a `notice_id` is also the order to tell each of its `webhooks`: state and order are one row of one insert, so
-- no crash comes between them. A row whose answer was lost is written again and says the same.
CREATE TABLE IF NOT EXISTS __database__.alerts
(
    alert_id   String,                 -- of this rule and group since `started_at`
    step       UInt32,                 -- 1, 2, … within the alert
    at         DateTime64(3, 'UTC'),
    event      LowCardinality(String), -- pending, firing, reminder, resolved, or cleared: it was pending and never fired
    rule       LowCardinality(String),
    kind       LowCardinality(String), -- drift, lag, silence, errorRate, sentiment or spike
    severity   LowCardinality(String), -- info, warning or critical
    group_by   LowCardinality(String), -- what `group_name` is: model, topic, source, hashtag; '' for the whole stream
    group_name String,
    started_at DateTime64(3, 'UTC'),   -- when the condition began to hold
    fired_at   DateTime64(3, 'UTC'),   -- 1970 while it has not fired
    value      Float64,                -- what was compared
    threshold  Float64,                -- with what
    summary    String,                 -- a sentence for a person
    details    String,                 -- JSON: the other numbers of the rule's kind
    notice_id  String,                 -- '' when nobody is to be told
    webhooks   Array(String)           -- who is to be told
)
ENGINE = ReplacingMergeTree
ORDER BY (started_at, alert_id, step)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

-- Each attempt to tell a webhook of a row of `alerts`. Written by jobs/alerts after the attempt.
CREATE TABLE IF NOT EXISTS __database__.alert_deliveries
(
    notice_id String,
    webhook   LowCardinality(String),
    attempt   UInt32,                 -- 1, 2, …
    at        DateTime64(3, 'UTC'),
    outcome   LowCardinality(String), -- delivered, retry, or dead: it is not tried again
    status    UInt16,                 -- of HTTP; 0 when there was no answer
    reason    String,                 -- '' when it was delivered
    took_ms   UInt32,
    next_at   DateTime64(3, 'UTC')    -- of the next attempt, 1970 when there is none
)
ENGINE = ReplacingMergeTree
ORDER BY (notice_id, webhook, attempt)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW __analytics__.alerts AS SELECT * FROM __database__.alerts FINAL;
CREATE OR REPLACE VIEW __analytics__.alert_deliveries AS SELECT * FROM __database__.alert_deliveries FINAL;
