-- One row per scored post, carrying the log position that produced it. Written by jobs/score, read by everything.
--
-- The key is the log position: a batch is already in that order, the resume point is the end of it, and offsets grow
-- with time, so the skip indexes on the times prune well. There is no PARTITION BY: a batch may span any time, and an
-- insert must stay one block and one part to be all or nothing.
--
-- Aggregates are projections, because only what lies in the part commits with it. A projection is chosen when a query
-- groups by its expressions, so the views (0003_views.sql) spell them exactly as they stand here.
CREATE DATABASE IF NOT EXISTS __database__;

CREATE TABLE IF NOT EXISTS __database__.scores
(
    post_id        String,
    event_at       DateTime64(3, 'UTC'),
    ingested_at    DateTime64(3, 'UTC'),
    scored_at      DateTime64(3, 'UTC'),
    source         LowCardinality(String),
    lang           LowCardinality(String),
    author         String,
    text           String,
    hashtags       Array(String),
    given_label    LowCardinality(String),
    meta           Map(LowCardinality(String), String),
    label          LowCardinality(String),
    confidence     Float32,
    probabilities  Array(Float32),
    margin         Float32,
    tokens         UInt32,
    unknown_tokens UInt32,
    signals        Map(LowCardinality(String), Float32),
    model_name     LowCardinality(String),
    model_version  UInt32,
    shadow         UInt8,
    topic          LowCardinality(String),
    topic_id       LowCardinality(String),
    partition      UInt16,
    offset         UInt64,
    batch_id       String,
    inference_us   UInt32,

    INDEX event_at_range  event_at  TYPE minmax,
    INDEX scored_at_range scored_at TYPE minmax,
    INDEX post_id_bloom   post_id   TYPE bloom_filter(0.01) GRANULARITY 4,

    -- By event time. Two projections hold everything: each costs an insert about 4 ms of processor time, however small
    -- it is. Hashtags and confidences (twenty bins of 0.05, the last one with 1) are maps of counts: the planner never
    -- chooses a projection that holds arrayJoin.
    PROJECTION minutes
    (
        SELECT
            toStartOfMinute(event_at), shadow, source, model_name, model_version, label,
            count(), sum(confidence), sum(margin), sum(tokens), sum(unknown_tokens),
            sumMap(hashtags, arrayWithConstant(length(hashtags), toUInt64(1))),
            sumMap(map(toUInt8(least(floor(confidence * 20), 19)), toUInt64(1)))
        GROUP BY toStartOfMinute(event_at), shadow, source, model_name, model_version, label
    ),
    -- By the minute of scoring: what a person sees on the page now, however old the posts are. It also answers
    -- queries/resume.sql, in milliseconds at any size of the table. The guard of an insert asks the rows themselves.
    PROJECTION progress
    (
        SELECT
            toStartOfMinute(scored_at), shadow, topic, topic_id, partition,
            count(), min(offset), max(offset), max(ingested_at), max(scored_at), sum(inference_us),
            quantilesTDigest(0.5, 0.95, 0.99)(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)),
            max(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at))
        GROUP BY toStartOfMinute(scored_at), shadow, topic, topic_id, partition
    )
)
ENGINE = MergeTree
ORDER BY (topic, topic_id, partition, offset)
SETTINGS
    non_replicated_deduplication_window = 0, -- its log of block ids is written before the part: a retry could lose rows
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    lightweight_mutation_projection_mode = 'rebuild';
