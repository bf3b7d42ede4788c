-- Posts with a usable label, of those whose event time is at most `recent_ms` before that of the newest one.
SELECT countIf(event_at >= newest - toIntervalMillisecond({recent_ms:UInt64})) AS labels
FROM (SELECT event_at, max(event_at) OVER () AS newest FROM labels_effective WHERE label != '')
