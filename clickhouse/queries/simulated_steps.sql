-- The steps of all retrainings, in their order.
SELECT
    training_id,
    toUnixTimestamp64Milli(at) AS at_ms,
    state,
    reason,
    from_version,
    to_version,
    labels,
    gates_failed
FROM trainings FINAL
ORDER BY at, step
