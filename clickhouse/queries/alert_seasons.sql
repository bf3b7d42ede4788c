-- Past seasons in whose window, the one that ends k seasons before `to_ms`, the stream had posts at all: in the others nothing
-- is known. Read by alert rules of kind spike.
SELECT DISTINCT
    intDiv(intDiv({to_ms:Int64}, 60000) - 1 - intDiv(toUnixTimestamp(minute), 60), {season_minutes:UInt32}) AS season
FROM sentiment_1m
WHERE minute < fromUnixTimestamp64Milli({from_ms:Int64})
    AND minute >= fromUnixTimestamp64Milli({from_ms:Int64} - {periods:Int64} * {season_minutes:UInt32} * 60000)
    AND (intDiv({to_ms:Int64}, 60000) - 1 - intDiv(toUnixTimestamp(minute), 60)) % {season_minutes:UInt32}
        < intDiv({to_ms:Int64} - {from_ms:Int64}, 60000)
    AND season > 0
ORDER BY season
