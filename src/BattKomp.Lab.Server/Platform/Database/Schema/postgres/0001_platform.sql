-- Who may call, what was answered, what was decided. Instants: microseconds since 1970-01-01 UTC.
CREATE TABLE organisations (
    name TEXT PRIMARY KEY, title TEXT NOT NULL, kind TEXT NOT NULL, country TEXT NOT NULL, county TEXT NOT NULL, parent TEXT NOT NULL
);
-- The one table with names of people in it: a row can be erased, everything else keeps the opaque id.
CREATE TABLE persons (
    name TEXT PRIMARY KEY, display_name TEXT NOT NULL
);
CREATE TABLE affiliations (
    name TEXT PRIMARY KEY, person TEXT NOT NULL, organisation TEXT NOT NULL, role TEXT NOT NULL, lab TEXT NOT NULL,
    from_us BIGINT NOT NULL, until_us BIGINT, sponsor TEXT NOT NULL
);
CREATE INDEX affiliations_of_person ON affiliations (person);
CREATE TABLE tokens (
    token_sha256 TEXT PRIMARY KEY, subject TEXT NOT NULL, created_us BIGINT NOT NULL, revoked_us BIGINT
);
CREATE TABLE agents (
    name TEXT PRIMARY KEY, lab TEXT NOT NULL, revoked_us BIGINT, revoked_reason TEXT NOT NULL DEFAULT '',
    boot TEXT NOT NULL DEFAULT '', boot_order BIGINT NOT NULL DEFAULT 0, last_seen_us BIGINT
);
-- Answers by request_id, stored in the transaction that earned them.
CREATE TABLE requests (
    subject TEXT NOT NULL, request_id TEXT NOT NULL, method TEXT NOT NULL, content_sha256 TEXT NOT NULL,
    response BYTEA NOT NULL, created_us BIGINT NOT NULL, PRIMARY KEY (subject, request_id)
);
CREATE TABLE audit (
    id TEXT PRIMARY KEY, at_us BIGINT NOT NULL, subject TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE INDEX audit_of_resource ON audit (resource, at_us);
