-- Time of a booking that its holder lost through no fault of theirs, as the lab logged it; may overlap. Instants: microseconds since 1970-01-01 UTC.
CREATE TABLE lost_times (
    name TEXT PRIMARY KEY, booking TEXT NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL, why TEXT NOT NULL, logged_by TEXT NOT NULL, logged_us BIGINT NOT NULL,
    CHECK (start_us < end_us)
);
CREATE INDEX lost_times_of_booking ON lost_times (booking, start_us);
CREATE INDEX lost_times_by_start ON lost_times (start_us);
