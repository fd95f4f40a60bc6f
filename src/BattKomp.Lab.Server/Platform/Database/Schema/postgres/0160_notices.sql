-- What people are told, once per person and thing (once_key); mail_due_us says when the mail is tried next, NULL = never again. Instants: microseconds since 1970-01-01 UTC.
ALTER TABLE persons ADD COLUMN emails TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN mail_off INTEGER NOT NULL DEFAULT 0;
CREATE TABLE notices (
    name TEXT PRIMARY KEY, recipient TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, once_key TEXT NOT NULL,
    created_us BIGINT NOT NULL, read_us BIGINT, mail_due_us BIGINT, mail_attempts INTEGER NOT NULL DEFAULT 0, mailed_us BIGINT, mail_error TEXT NOT NULL DEFAULT '',
    UNIQUE (recipient, once_key)
);
CREATE INDEX notices_of_recipient ON notices (recipient, created_us, name);
CREATE INDEX notices_mail_due ON notices (mail_due_us) WHERE mail_due_us IS NOT NULL;
-- Addresses to which changes of a lab's bookings are posted; the secret signs, so it is kept as it is.
CREATE TABLE webhooks (
    name TEXT PRIMARY KEY, lab TEXT NOT NULL, url TEXT NOT NULL, secret BYTEA NOT NULL, created_by TEXT NOT NULL, created_us BIGINT NOT NULL, revoked_us BIGINT,
    delivered_us BIGINT, last_error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX webhooks_of_lab ON webhooks (lab, created_us) WHERE revoked_us IS NULL;
CREATE TABLE webhook_events (
    id TEXT PRIMARY KEY, webhook TEXT NOT NULL, body BYTEA NOT NULL, created_us BIGINT NOT NULL, due_us BIGINT, attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX webhook_events_due ON webhook_events (due_us) WHERE due_us IS NOT NULL;
