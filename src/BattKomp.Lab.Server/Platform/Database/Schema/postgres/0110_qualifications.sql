-- Qualifications as granted (doc: the message), and what has become of them. Instants: microseconds since 1970-01-01 UTC.
CREATE TABLE qualifications (
    name TEXT PRIMARY KEY, person TEXT NOT NULL, lab TEXT NOT NULL, doc BYTEA NOT NULL, created_us BIGINT NOT NULL,
    last_use_us BIGINT, due_us BIGINT, ended_us BIGINT, revoked_by TEXT NOT NULL DEFAULT '', revoke_reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX qualifications_of_person ON qualifications (person, name);
-- What the clock must look at next: a reminder or the end.
CREATE INDEX qualifications_due ON qualifications (due_us) WHERE ended_us IS NULL;
-- What a holder is to be told, once for each end that was in sight: a use moves the end, and the next is a new one.
CREATE TABLE qualification_notices (
    qualification TEXT NOT NULL, kind TEXT NOT NULL, lapse_us BIGINT NOT NULL, person TEXT NOT NULL, created_us BIGINT NOT NULL,
    PRIMARY KEY (qualification, kind, lapse_us)
);
