-- Agents' own keys. Instants: microseconds since 1970-01-01 UTC, the server's clock only.
ALTER TABLE agents ADD COLUMN public_key BLOB;
ALTER TABLE agents ADD COLUMN enrolled_us INTEGER;
-- A session token ends by itself and answers one challenge.
ALTER TABLE tokens ADD COLUMN expires_us INTEGER;
ALTER TABLE tokens ADD COLUMN challenge_sha256 TEXT;
CREATE UNIQUE INDEX tokens_by_challenge ON tokens (challenge_sha256);
CREATE INDEX tokens_of_subject ON tokens (subject);
-- Invitations: the token only as its hash; key_sha256 is that of the key it was used with.
CREATE TABLE enrolments (
    token_sha256 TEXT PRIMARY KEY, agent TEXT NOT NULL, lab TEXT NOT NULL, created_by TEXT NOT NULL, created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL, used_us INTEGER, void_us INTEGER, key_sha256 TEXT NOT NULL DEFAULT ''
);
CREATE INDEX enrolments_of_agent ON enrolments (agent);
