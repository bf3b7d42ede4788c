-- What could not become a post (by jobs/ingest) or a score (by jobs/score), with the reason. Together with `scores` it
-- accounts for each offset of the topic.
CREATE TABLE IF NOT EXISTS __database__.dead_posts
(
    dead_at    DateTime64(3, 'UTC'),
    stage      LowCardinality(String),
    code       LowCardinality(String),
    reason     String,
    origin     String,
    raw_base64 String,
    raw_bytes  UInt64,
    topic      LowCardinality(String),
    topic_id   LowCardinality(String),
    partition  UInt16,
    offset     UInt64,

    INDEX dead_at_range dead_at TYPE minmax
)
ENGINE = MergeTree
ORDER BY (topic, topic_id, partition, offset)
SETTINGS
    non_replicated_deduplication_window = 0,
    fsync_after_insert = 1,
    fsync_part_directory = 1;

-- A person's answer for a post, or a known answer that came with it. One answer per post and author: the newest wins.
-- The text is kept here too, so that training does not depend on how long `scores` are kept.
CREATE TABLE IF NOT EXISTS __database__.labels
(
    post_id               String,
    labelled_by           String,
    labelled_at           DateTime64(3, 'UTC'),
    label                 LowCardinality(String),
    text                  String,
    event_at              DateTime64(3, 'UTC'),
    origin                LowCardinality(String), -- review, import or replay
    selection_probability Float32 DEFAULT 1,      -- with which the post was chosen for labelling; weights the estimate
    note                  String
)
ENGINE = ReplacingMergeTree(labelled_at)
ORDER BY (post_id, labelled_by)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per check, segment and statistic. Written by jobs/drift.
CREATE TABLE IF NOT EXISTS __database__.drift_checks
(
    check_id       String,
    checked_at     DateTime64(3, 'UTC'),
    window_from    DateTime64(3, 'UTC'),
    window_to      DateTime64(3, 'UTC'),
    model_name     LowCardinality(String),
    model_version  UInt32,
    segment        LowCardinality(String), -- '' is the whole stream
    statistic      LowCardinality(String),
    value          Float64,
    threshold      Float64,
    p_value        Nullable(Float64),
    effect         Float64,
    reference_rows UInt64,
    live_rows      UInt64,
    verdict        Enum8('ok' = 0, 'warning' = 1, 'drift' = 2),
    details        String                  -- JSON
)
ENGINE = MergeTree
ORDER BY (checked_at, check_id, segment, statistic)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per partition and change of the model that scores it. Written by jobs/score.
CREATE TABLE IF NOT EXISTS __database__.swaps
(
    swap_id      String,
    swapped_at   DateTime64(3, 'UTC'),
    alias        LowCardinality(String),
    model_name   LowCardinality(String),
    from_version UInt32,
    to_version   UInt32,
    topic        LowCardinality(String),
    topic_id     LowCardinality(String),
    partition    UInt16,
    first_offset UInt64, -- first post that `to_version` scored
    pause_us     UInt64, -- between the last batch of the old version and the first of the new one
    outcome      LowCardinality(String), -- swapped, or the code of the error that kept the old version
    reason       String
)
ENGINE = MergeTree
ORDER BY (swapped_at, swap_id, partition)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;
