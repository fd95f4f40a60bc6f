-- Agents' own keys. Instants: microseconds since 1970-01-01 UTC, the server's clock only.
ALTER TABLE agents ADD COLUMN public_key BYTEA;
ALTER TABLE agents ADD COLUMN enrolled_us BIGINT;
-- A session token ends by itself and answers one challenge.
ALTER TABLE tokens ADD COLUMN expires_us BIGINT;
ALTER TABLE tokens ADD COLUMN challenge_sha256 TEXT;
CREATE UNIQUE INDEX tokens_by_challenge ON tokens (challenge_sha256);
CREATE INDEX tokens_of_subject ON tokens (subject);
-- Invitations: the token only as its hash; key_sha256 is that of the key it was used with.
CREATE TABLE enrolments (
    token_sha256 TEXT PRIMARY KEY, agent TEXT NOT NULL, lab TEXT NOT NULL, created_by TEXT NOT NULL, created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL, used_us BIGINT, void_us BIGINT, key_sha256 TEXT NOT NULL DEFAULT ''
);
CREATE INDEX enrolments_of_agent ON enrolments (agent);
