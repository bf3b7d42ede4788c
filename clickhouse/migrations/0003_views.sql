-- Plain views: each GROUP BY below is (or is coarser than) that of a projection of `scores`, which then answers it. Shadow
-- rows stay out.
CREATE OR REPLACE VIEW __database__.sentiment_1m AS
SELECT
    toStartOfMinute(event_at) AS minute,
    source,
    model_name,
    model_version,
    label,
    count() AS posts,
    sum(confidence) / count() AS mean_confidence,
    sum(margin) / count() AS mean_margin,
    sum(unknown_tokens) / sum(tokens) AS unknown_token_rate
FROM __database__.scores
WHERE shadow = 0
GROUP BY toStartOfMinute(event_at), shadow, source, model_name, model_version, label;

CREATE OR REPLACE VIEW __database__.hashtags_1m AS
SELECT minute, counted.1 AS hashtag, label, counted.2 AS posts
FROM
(
    SELECT
        toStartOfMinute(event_at) AS minute,
        label,
        sumMap(hashtags, arrayWithConstant(length(hashtags), toUInt64(1))) AS counts
    FROM __database__.scores
    WHERE shadow = 0
    GROUP BY toStartOfMinute(event_at), shadow, label
)
ARRAY JOIN arrayZip(counts.1, counts.2) AS counted;

CREATE OR REPLACE VIEW __database__.confidence_1m AS
SELECT minute, model_name, model_version, label, tupleElement(counted, 1) AS bin, bin / 20 AS from_confidence, tupleElement(counted, 2) AS posts
FROM
(
    SELECT
        toStartOfMinute(event_at) AS minute,
        model_name,
        model_version,
        label,
        sumMap(map(toUInt8(least(floor(confidence * 20), 19)), toUInt64(1))) AS counts
    FROM __database__.scores
    WHERE shadow = 0
    GROUP BY toStartOfMinute(event_at), shadow, model_name, model_version, label
)
ARRAY JOIN CAST(counts, 'Array(Tuple(UInt8, UInt64))') AS counted;

CREATE OR REPLACE VIEW __database__.latency_1m AS
SELECT
    toStartOfMinute(scored_at) AS minute,
    topic,
    count() AS posts,
    quantilesTDigest(0.5, 0.95, 0.99)(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)) AS quantiles_ms,
    quantiles_ms[1] AS p50_ms,
    quantiles_ms[2] AS p95_ms,
    quantiles_ms[3] AS p99_ms,
    max(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)) AS max_ms,
    sum(inference_us) / count() AS mean_inference_us
FROM __database__.scores
WHERE shadow = 0
GROUP BY toStartOfMinute(scored_at), shadow, topic;

CREATE OR REPLACE VIEW __database__.lag_1m AS
SELECT
    toStartOfMinute(scored_at) AS minute,
    topic,
    topic_id,
    partition,
    count() AS posts,
    max(offset) AS last_offset,
    max(ingested_at) AS newest_ingested_at,
    max(scored_at) AS last_scored_at,
    max(toUnixTimestamp64Milli(scored_at) - toUnixTimestamp64Milli(ingested_at)) AS max_ms_behind
FROM __database__.scores
WHERE shadow = 0
GROUP BY toStartOfMinute(scored_at), shadow, topic, topic_id, partition;
