-- Risk assessments as made (doc: the message), until they are over or withdrawn. Instants: microseconds since 1970-01-01 UTC.
CREATE TABLE risk_assessments (
    name TEXT PRIMARY KEY, rig TEXT NOT NULL, lab TEXT NOT NULL, until_us BIGINT NOT NULL, doc BYTEA NOT NULL, created_us BIGINT NOT NULL,
    withdrawn_us BIGINT, withdrawn_by TEXT NOT NULL DEFAULT '', withdraw_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX risk_assessments_of_rig ON risk_assessments (rig, until_us) WHERE withdrawn_us IS NULL;
