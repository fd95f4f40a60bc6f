-- Segments (the archive of record) and dataset versions. Instants: microseconds since 1970-01-01 UTC; record stamps: nanoseconds.
CREATE TABLE segments (
    name TEXT PRIMARY KEY, run TEXT NOT NULL, number INTEGER NOT NULL, file TEXT NOT NULL, records INTEGER NOT NULL, bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL, first_utc_ns INTEGER NOT NULL, last_utc_ns INTEGER NOT NULL, ranges TEXT NOT NULL, created_us INTEGER NOT NULL,
    UNIQUE (run, number)
);
CREATE TABLE dataset_versions (
    dataset TEXT NOT NULL, version INTEGER NOT NULL, of_name TEXT NOT NULL, state TEXT NOT NULL, content_key TEXT NOT NULL,
    owner TEXT NOT NULL, persons TEXT NOT NULL, lab TEXT NOT NULL, visibility BLOB NOT NULL, created_us INTEGER NOT NULL, doc BLOB NOT NULL,
    PRIMARY KEY (dataset, version)
);
CREATE INDEX dataset_versions_of ON dataset_versions (of_name);
