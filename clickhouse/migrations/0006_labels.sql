-- Posts that people are asked about, each with the probability with which it was chosen. Rows are only appended, by
-- jobs/drift/review; a post that anybody answered for is done, and its answers lie in `labels`. The text is kept here
-- too, so that a queue does not depend on how long `scores` are kept. A post is queued once; should two writers race, its
-- oldest row counts.
CREATE TABLE IF NOT EXISTS __database__.review_queue
(
    queued_at             DateTime64(3, 'UTC'),
    check_id              String,
    post_id               String,
    text                  String,
    event_at              DateTime64(3, 'UTC'),
    source                LowCardinality(String),
    lang                  LowCardinality(String),
    model_name            LowCardinality(String),
    model_version         UInt32,
    classes               Array(LowCardinality(String)), -- of the model, in the order of `probabilities`
    label                 LowCardinality(String),        -- what the model says
    probabilities         Array(Float32),
    strategy              LowCardinality(String),        -- margin, entropy, diversity, drift or audit
    selection_probability Float64                        -- over all strategies together
)
ENGINE = MergeTree
ORDER BY (queued_at, check_id, post_id)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

-- What is known of each labelled post, from all answers for it. A row of `labels` with the class '' is no answer: one
-- that was withdrawn, or a post that was passed over. An adjudicator's answer wins (the newest of several), otherwise
-- the class that most people gave; when two classes lead there is none, '' and tied = 1. Of a post whose label came
-- before the post, the text is looked up in `scores`.
CREATE OR REPLACE VIEW __database__.labels_effective AS
SELECT
    post_id,
    if(known.text = '', scored.text, known.text) AS text,
    if(known.text = '' AND scored.text != '', scored.event_at, known.event_at) AS event_at,
    known.label AS label,
    answers,
    agreeing,
    adjudicated,
    tied,
    origins,
    selection_probability,
    known.labelled_at AS labelled_at
FROM
(
    SELECT
        post_id,
        argMax(answer.text, (answer.text != '', answer.labelled_at)) AS text,
        argMax(answer.event_at, (answer.text != '', answer.labelled_at)) AS event_at,
        sumMap(map(toString(answer.label), toUInt64(1))) AS votes,
        arrayMax(mapValues(votes)) AS most,
        arrayFilter((name, count) -> count = most, mapKeys(votes), mapValues(votes)) AS leaders,
        max(answer.origin = 'adjudication') AS adjudicated,
        adjudicated = 0 AND length(leaders) > 1 AS tied,
        multiIf(
            adjudicated, argMaxIf(toString(answer.label), answer.labelled_at, answer.origin = 'adjudication'),
            tied, '',
            leaders[1]) AS label,
        count() AS answers,
        if(tied, most, votes[label]) AS agreeing,
        arraySort(groupUniqArray(toString(answer.origin))) AS origins,
        -- A post that was labelled for another reason too (an import, probability 1) was certain to be labelled.
        max(answer.selection_probability) AS selection_probability,
        max(answer.labelled_at) AS labelled_at
    FROM (SELECT * FROM __database__.labels FINAL WHERE label != '') AS answer
    GROUP BY post_id
) AS known
LEFT JOIN
(
    SELECT post_id, any(text) AS text, any(event_at) AS event_at
    FROM __database__.scores
    WHERE post_id IN (SELECT post_id FROM __database__.labels WHERE text = '')
    GROUP BY post_id
) AS scored USING (post_id);

CREATE OR REPLACE VIEW __analytics__.labels AS
SELECT post_id, labelled_by, labelled_at, label, text, event_at, origin, selection_probability
FROM __database__.labels FINAL
WHERE label != '';

CREATE OR REPLACE VIEW __analytics__.labels_effective AS SELECT * FROM __database__.labels_effective;

CREATE OR REPLACE VIEW __analytics__.review_queue AS SELECT * FROM __database__.review_queue;
