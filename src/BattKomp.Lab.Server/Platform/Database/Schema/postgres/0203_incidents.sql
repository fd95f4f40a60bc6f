-- What keeps a rig locked, and the runs whose evidence it freezes. Instants: microseconds since 1970-01-01 UTC, the server's clock.
-- source: who made it and under which id, so that a report told again is the same incident.
CREATE TABLE incidents (
    name TEXT PRIMARY KEY, source TEXT NOT NULL UNIQUE, lab TEXT NOT NULL, rig TEXT NOT NULL, channel TEXT NOT NULL, cause TEXT NOT NULL, detail TEXT NOT NULL,
    opened_by TEXT NOT NULL, opened_us BIGINT NOT NULL, agent_utc_ns BIGINT NOT NULL,
    released_us BIGINT, released_by TEXT NOT NULL DEFAULT '', release_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX incidents_open ON incidents (rig) WHERE released_us IS NULL;
CREATE TABLE incident_runs (
    incident TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (incident, run)
);
CREATE INDEX incident_runs_by_run ON incident_runs (run);
-- An agent has said that one of the rig's channels has no guard: it stays so until the lab says otherwise in the rig itself.
ALTER TABLE rigs ADD COLUMN attended_reported INTEGER NOT NULL DEFAULT 0;
