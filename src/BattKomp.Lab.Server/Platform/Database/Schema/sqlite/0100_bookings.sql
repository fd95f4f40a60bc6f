-- Bookings. Instants: microseconds since 1970-01-01 UTC. A booking's facts never change after its first row: doc holds
-- them (battkomp.lab.v1.Booking), the columns beside it hold what the state machine moves. A change is a successor row.
CREATE TABLE bookings (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    holder TEXT NOT NULL, organisation TEXT NOT NULL, version INTEGER NOT NULL, created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL,
    predecessor TEXT NOT NULL, successor TEXT NOT NULL, state_reason TEXT NOT NULL, doc BLOB NOT NULL,
    CHECK (start_us < end_us)
);
CREATE INDEX bookings_by_start ON bookings (start_us, id);
-- What the clock acts on: confirmed and running ones.
CREATE INDEX bookings_live ON bookings (start_us) WHERE state IN (3, 4);
CREATE TABLE outages (
    name TEXT PRIMARY KEY, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, why TEXT NOT NULL, created_by TEXT NOT NULL, created_us INTEGER NOT NULL,
    resources TEXT NOT NULL, CHECK (start_us < end_us)
);
-- The facts that history cannot give back, copied at confirmation; see the trigger below.
CREATE TABLE booking_usage (
    booking TEXT PRIMARY KEY, confirmed_us INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, channels TEXT NOT NULL,
    purpose TEXT NOT NULL, activity_class TEXT NOT NULL, education_level TEXT NOT NULL, stages TEXT NOT NULL, headcount INTEGER NOT NULL,
    presence INTEGER NOT NULL, visibility INTEGER NOT NULL, affiliation TEXT NOT NULL, organisation TEXT NOT NULL, project TEXT NOT NULL,
    module TEXT NOT NULL, cohort TEXT NOT NULL, allocation TEXT NOT NULL, cell_test TEXT NOT NULL, procedure TEXT NOT NULL
);
-- One unserved wish, with no person in it.
CREATE TABLE demand_signals (
    id TEXT PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, resources TEXT NOT NULL, labs TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
    reasons TEXT NOT NULL, activity_class TEXT NOT NULL, education_level TEXT NOT NULL, stages TEXT NOT NULL, headcount INTEGER NOT NULL
);
CREATE INDEX demand_signals_by_time ON demand_signals (at_us);
-- One row a resource of a booking or outage. kind: 1 booking, 2 outage. The writer gate and the check inside it keep
-- rows from overlapping; the triggers are the backstop, so that not even a stray writer can.
CREATE TABLE occupancy (
    booking TEXT NOT NULL, resource TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, kind INTEGER NOT NULL, occupies INTEGER NOT NULL,
    PRIMARY KEY (booking, resource), CHECK (start_us < end_us)
) WITHOUT ROWID;
CREATE INDEX occupancy_by_resource ON occupancy (resource, start_us, end_us) WHERE occupies = 1;
CREATE INDEX occupancy_by_end ON occupancy (end_us, start_us) WHERE occupies = 1;
CREATE TRIGGER occupancy_no_overlap_insert BEFORE INSERT ON occupancy
WHEN NEW.occupies = 1 AND EXISTS (
    SELECT 1 FROM occupancy o WHERE o.occupies = 1 AND o.resource = NEW.resource AND o.start_us < NEW.end_us AND o.end_us > NEW.start_us
    AND o.start_us >= coalesce((SELECT max(p.start_us) FROM occupancy p WHERE p.occupies = 1 AND p.resource = NEW.resource AND p.start_us <= NEW.start_us), NEW.start_us))
BEGIN
    SELECT RAISE(ABORT, 'occupancy_no_overlap');
END;
CREATE TRIGGER occupancy_no_overlap_update BEFORE UPDATE ON occupancy
WHEN NEW.occupies = 1 AND EXISTS (
    SELECT 1 FROM occupancy o WHERE o.occupies = 1 AND o.resource = NEW.resource AND o.start_us < NEW.end_us AND o.end_us > NEW.start_us
    AND NOT (o.booking = OLD.booking AND o.resource = OLD.resource))
BEGIN
    SELECT RAISE(ABORT, 'occupancy_no_overlap');
END;
CREATE TRIGGER booking_usage_is_history BEFORE UPDATE ON booking_usage
BEGIN
    SELECT RAISE(ABORT, 'booking_usage is history and is never edited');
END;
CREATE TRIGGER booking_usage_stays BEFORE DELETE ON booking_usage
BEGIN
    SELECT RAISE(ABORT, 'booking_usage is history and is never edited');
END;
