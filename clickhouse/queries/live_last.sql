-- When a post was scored last; the epoch when none ever was. Served by projection `progress`.
SELECT toUnixTimestamp64Milli(max(scored_at)) AS last_ms FROM scores WHERE shadow = 0
