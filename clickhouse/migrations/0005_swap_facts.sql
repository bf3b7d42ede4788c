-- Who changed the model, and how long the new one took to load and warm. A job writes a row also for the model that it
-- starts with (outcome `started`), so that the last row at or below an offset names the version that scored it.
ALTER TABLE __database__.swaps
    ADD COLUMN IF NOT EXISTS load_ms UInt32 AFTER pause_us,
    ADD COLUMN IF NOT EXISTS changed_by String AFTER load_ms;

CREATE OR REPLACE VIEW __analytics__.swaps AS SELECT * FROM __database__.swaps;
