-- Challengers: versions that take a share of the posts from the champion (canary) or score them beside it (shadow).
--
-- A row of `swaps` says all of who scores a partition from its offset on: `champion_version`, and which slots of the hash of
-- post ids are a challenger's. A post's slot is that of queries/verify_versions.sql; `slot_to` is not among a challenger's.
ALTER TABLE __database__.swaps
    ADD COLUMN IF NOT EXISTS champion_version UInt32 DEFAULT to_version AFTER to_version,
    ADD COLUMN IF NOT EXISTS challengers Array(Tuple(version UInt32, shadow UInt8, slot_from UInt16, slot_to UInt16)) AFTER champion_version,
    ADD COLUMN IF NOT EXISTS share Float32 AFTER challengers; -- of `to_version`, where it is a challenger

-- The version whose post this was and that could not score it, so that the champion did; 0 where nobody stood in.
ALTER TABLE __database__.scores
    ADD COLUMN IF NOT EXISTS stood_in_for UInt32 AFTER shadow;

CREATE OR REPLACE VIEW __analytics__.swaps AS SELECT * FROM __database__.swaps;

CREATE OR REPLACE VIEW __analytics__.posts AS
SELECT
    post_id, event_at, ingested_at, scored_at, source, lang, author, text, hashtags, given_label, meta, label, confidence,
    probabilities, margin, tokens, unknown_tokens, signals, model_name, model_version, stood_in_for, topic, partition, offset,
    inference_us
FROM __database__.scores
WHERE shadow = 0;
