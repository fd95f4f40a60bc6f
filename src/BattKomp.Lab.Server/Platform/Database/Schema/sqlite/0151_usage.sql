-- Monthly accounts of use: files as published, never edited. month: yyyy-MM on the labs' own wall clocks.
CREATE TABLE usage_snapshots (
    month TEXT NOT NULL, file TEXT NOT NULL, content BLOB NOT NULL, sha256 TEXT NOT NULL, created_us INTEGER NOT NULL, PRIMARY KEY (month, file)
);
CREATE TRIGGER usage_snapshots_are_history BEFORE UPDATE ON usage_snapshots
BEGIN
    SELECT RAISE(ABORT, 'usage_snapshots are history and are never edited');
END;
CREATE TRIGGER usage_snapshots_stay BEFORE DELETE ON usage_snapshots
BEGIN
    SELECT RAISE(ABORT, 'usage_snapshots are history and are never edited');
END;
