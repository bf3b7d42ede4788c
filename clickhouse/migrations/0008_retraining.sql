-- Each step of each retraining: when it began to select, train, judge, publish, canary, promote and watch, and how it
-- ended. Written by jobs/drift/retrain after the step is taken; the truth is document `retraining` of the model. A row
-- whose answer was lost is written again and says the same.
CREATE TABLE IF NOT EXISTS __database__.trainings
(
    training_id  String,
    step         UInt32,                 -- 1, 2, … within the retraining
    at           DateTime64(3, 'UTC'),
    model_name   LowCardinality(String),
    state        LowCardinality(String), -- selecting, training, gating, published, canary, promoted, watching, done, refused, rolled-back, failed
    reason       String,                 -- why this state, for a person
    started_by   String,
    check_id     String,                 -- the check that asked for it, '' when a person did
    promotion    LowCardinality(String), -- manual or auto
    from_version UInt32,                 -- the champion that it goes on from
    to_version   UInt32,                 -- the version that came out of it; 0 before there is one
    holder       String,                 -- host and process that held the lease
    labels       UInt32,                 -- posts trained on
    replayed     UInt32,                 -- of which older ones
    held_out     UInt32,
    golden       UInt32,
    left_out     UInt32,                 -- labelled posts not used: contradictory, repeated, of unknown classes, without a text
    gates_failed Array(LowCardinality(String)),
    step_ms      UInt64                  -- spent in the state before
)
ENGINE = ReplacingMergeTree
ORDER BY (model_name, training_id, step)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE OR REPLACE VIEW __analytics__.trainings AS SELECT * FROM __database__.trainings FINAL;
