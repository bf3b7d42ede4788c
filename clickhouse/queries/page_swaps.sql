-- The last changes of the model, newest first: the partitions of one change together.
SELECT
    toUnixTimestamp64Milli(min(swapped_at)) AS swapped_at_ms,
    model_name,
    from_version,
    to_version,
    uniqExact(partition) AS partitions,
    max(pause_us) AS pause_us,
    max(load_ms) AS load_ms,
    any(changed_by) AS by,
    outcome,
    any(reason) AS why
FROM swaps
WHERE outcome != 'started'
GROUP BY swap_id, model_name, from_version, to_version, outcome
ORDER BY swapped_at_ms DESC
LIMIT {rows:UInt32}
