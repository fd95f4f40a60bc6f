CREATE EXTENSION IF NOT EXISTS btree_gist;
-- Bookings. Instants: microseconds since 1970-01-01 UTC. A booking's facts never change after its first row: doc holds
-- them (battkomp.lab.v1.Booking), the columns beside it hold what the state machine moves. A change is a successor row.
CREATE TABLE bookings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL,
    holder TEXT NOT NULL, organisation TEXT NOT NULL, version INTEGER NOT NULL, created_us BIGINT NOT NULL, changed_us BIGINT NOT NULL,
    predecessor TEXT NOT NULL, successor TEXT NOT NULL, state_reason TEXT NOT NULL, doc BYTEA NOT NULL,
    CHECK (start_us < end_us)
);
CREATE INDEX bookings_by_start ON bookings (start_us, id);
-- What the clock acts on: confirmed and running ones.
CREATE INDEX bookings_live ON bookings (start_us) WHERE state IN (3, 4);
CREATE TABLE outages (
    name TEXT PRIMARY KEY, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL, why TEXT NOT NULL, created_by TEXT NOT NULL, created_us BIGINT NOT NULL,
    resources TEXT NOT NULL, CHECK (start_us < end_us)
);
-- The facts that history cannot give back, copied at confirmation; see the trigger below.
CREATE TABLE booking_usage (
    booking TEXT PRIMARY KEY, confirmed_us BIGINT NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL, channels TEXT NOT NULL,
    purpose TEXT NOT NULL, activity_class TEXT NOT NULL, education_level TEXT NOT NULL, stages TEXT NOT NULL, headcount INTEGER NOT NULL,
    presence INTEGER NOT NULL, visibility INTEGER NOT NULL, affiliation TEXT NOT NULL, organisation TEXT NOT NULL, project TEXT NOT NULL,
    module TEXT NOT NULL, cohort TEXT NOT NULL, allocation TEXT NOT NULL, cell_test TEXT NOT NULL, procedure TEXT NOT NULL
);
-- One unserved wish, with no person in it.
CREATE TABLE demand_signals (
    id TEXT PRIMARY KEY, at_us BIGINT NOT NULL, kind TEXT NOT NULL, resources TEXT NOT NULL, labs TEXT NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL,
    reasons TEXT NOT NULL, activity_class TEXT NOT NULL, education_level TEXT NOT NULL, stages TEXT NOT NULL, headcount INTEGER NOT NULL
);
CREATE INDEX demand_signals_by_time ON demand_signals (at_us);
-- One row a resource of a booking or outage. kind: 1 booking, 2 outage. Writers lock their resources in order and check;
-- the constraint is the backstop, so that not even a stray writer can make rows overlap.
CREATE TABLE occupancy (
    booking TEXT NOT NULL, resource TEXT NOT NULL, during int8range NOT NULL, kind INTEGER NOT NULL, occupies INTEGER NOT NULL,
    PRIMARY KEY (booking, resource), CHECK (NOT isempty(during)),
    CONSTRAINT occupancy_no_overlap EXCLUDE USING gist (resource WITH =, during WITH &&) WHERE (occupies = 1)
);
CREATE FUNCTION booking_usage_is_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'booking_usage is history and is never edited';
END $$;
CREATE TRIGGER booking_usage_is_history BEFORE UPDATE OR DELETE ON booking_usage FOR EACH ROW EXECUTE FUNCTION booking_usage_is_history();
