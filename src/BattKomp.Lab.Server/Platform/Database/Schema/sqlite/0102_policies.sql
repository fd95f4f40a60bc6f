-- Policies: what a scope asks of bookings from from_us until retired_us. doc: battkomp.lab.v1.BookingPolicy; never edited, only retired.
CREATE TABLE policies (
    name TEXT PRIMARY KEY, scope TEXT NOT NULL, from_us INTEGER NOT NULL, retired_us INTEGER, retired_by TEXT NOT NULL DEFAULT '', created_by TEXT NOT NULL,
    created_us INTEGER NOT NULL, doc BLOB NOT NULL
);
CREATE INDEX policies_by_scope ON policies (scope, from_us);
-- What quotas add up by; rigs: names, a line each.
ALTER TABLE bookings ADD COLUMN cohort TEXT NOT NULL DEFAULT '';
ALTER TABLE bookings ADD COLUMN rigs TEXT NOT NULL DEFAULT '';
CREATE INDEX bookings_of_holder ON bookings (holder, start_us);
CREATE INDEX bookings_of_organisation ON bookings (organisation, start_us);
CREATE INDEX bookings_of_cohort ON bookings (cohort, start_us) WHERE cohort <> '';
