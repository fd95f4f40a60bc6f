CREATE INDEX runs_late ON runs (name) WHERE state = 'FINAL' AND final_us IS NULL;
