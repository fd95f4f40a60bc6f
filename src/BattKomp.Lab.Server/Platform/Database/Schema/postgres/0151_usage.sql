-- Monthly accounts of use: files as published, never edited. month: yyyy-MM on the labs' own wall clocks.
CREATE TABLE usage_snapshots (
    month TEXT NOT NULL, file TEXT NOT NULL, content BYTEA NOT NULL, sha256 TEXT NOT NULL, created_us BIGINT NOT NULL, PRIMARY KEY (month, file)
);
CREATE FUNCTION usage_snapshots_are_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'usage_snapshots are history and are never edited';
END $$;
CREATE TRIGGER usage_snapshots_are_history BEFORE UPDATE OR DELETE ON usage_snapshots FOR EACH ROW EXECUTE FUNCTION usage_snapshots_are_history();
