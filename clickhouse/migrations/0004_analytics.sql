-- What analysts see: views over the tables, so that tables can change under them and raw bytes stay out of sight.
CREATE DATABASE IF NOT EXISTS __analytics__;

CREATE OR REPLACE VIEW __analytics__.posts AS
SELECT
    post_id, event_at, ingested_at, scored_at, source, lang, author, text, hashtags, given_label, meta, label, confidence,
    probabilities, margin, tokens, unknown_tokens, signals, model_name, model_version, topic, partition, offset, inference_us
FROM __database__.scores
WHERE shadow = 0;

CREATE OR REPLACE VIEW __analytics__.shadow_posts AS
SELECT
    post_id, event_at, scored_at, source, lang, text, label, confidence, probabilities, margin, model_name, model_version,
    topic, partition, offset
FROM __database__.scores
WHERE shadow = 1;

CREATE OR REPLACE VIEW __analytics__.sentiment_1m AS SELECT * FROM __database__.sentiment_1m;
CREATE OR REPLACE VIEW __analytics__.hashtags_1m AS SELECT * FROM __database__.hashtags_1m;
CREATE OR REPLACE VIEW __analytics__.confidence_1m AS SELECT * FROM __database__.confidence_1m;
CREATE OR REPLACE VIEW __analytics__.latency_1m AS SELECT * FROM __database__.latency_1m;
CREATE OR REPLACE VIEW __analytics__.lag_1m AS SELECT * FROM __database__.lag_1m;

CREATE OR REPLACE VIEW __analytics__.labels AS
SELECT post_id, labelled_by, labelled_at, label, text, event_at, origin, selection_probability
FROM __database__.labels FINAL;

CREATE OR REPLACE VIEW __analytics__.drift_checks AS SELECT * FROM __database__.drift_checks;
CREATE OR REPLACE VIEW __analytics__.swaps AS SELECT * FROM __database__.swaps;

CREATE OR REPLACE VIEW __analytics__.dead_posts AS
SELECT dead_at, stage, code, reason, origin, raw_bytes, topic, partition, offset
FROM __database__.dead_posts;
