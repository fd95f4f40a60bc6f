-- Calendar feeds: the token only as its hash; uid_key makes the ids of bookings that the owner may not see. Instants: microseconds since 1970-01-01 UTC.
CREATE TABLE feeds (
    name TEXT PRIMARY KEY, token_sha256 TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, of_name TEXT NOT NULL, uid_key BLOB NOT NULL,
    created_us INTEGER NOT NULL, revoked_us INTEGER
);
CREATE INDEX feeds_of_owner ON feeds (owner, created_us) WHERE revoked_us IS NULL;
-- Closures that came in files, beside those of the lab's own document. Days: yyyy-MM-dd, the last one included.
CREATE TABLE imported_closures (
    lab TEXT NOT NULL, uid TEXT NOT NULL, first_day TEXT NOT NULL, last_day TEXT NOT NULL, why TEXT NOT NULL,
    imported_by TEXT NOT NULL, imported_us INTEGER NOT NULL, PRIMARY KEY (lab, uid)
);
