-- Whether a check is stored. Read by jobs/drift: a check that is repeated after a crash is written once.
SELECT count() AS rows FROM drift_checks WHERE check_id = {check_id:String}
