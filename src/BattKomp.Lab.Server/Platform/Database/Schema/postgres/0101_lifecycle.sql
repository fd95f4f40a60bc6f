-- Holds and pending bookings end by themselves at expire_us; checked_in_us: somebody said or showed that they came;
-- late: given up or moved inside the time for late cancels, which counts as use.
ALTER TABLE bookings ADD COLUMN expire_us BIGINT;
ALTER TABLE bookings ADD COLUMN checked_in_us BIGINT;
ALTER TABLE bookings ADD COLUMN late BIGINT NOT NULL DEFAULT 0;
CREATE INDEX bookings_expiring ON bookings (expire_us) WHERE state IN (1, 2);
CREATE INDEX bookings_waiting_of ON bookings (holder) WHERE state IN (1, 2);
-- Every step of every booking, in order; person: persons/…, empty = the clock or the rig. Never edited.
CREATE TABLE booking_steps (
    booking TEXT NOT NULL, version INTEGER NOT NULL, at_us BIGINT NOT NULL, from_state INTEGER NOT NULL, to_state INTEGER NOT NULL,
    person TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (booking, version)
);
-- One row an owner (lab) whose yes a booking needs. decision: 0 open, 1 yes, 2 no.
CREATE TABLE approvals (
    booking TEXT NOT NULL, owner TEXT NOT NULL, asked_us BIGINT NOT NULL, decision INTEGER NOT NULL DEFAULT 0, decided_us BIGINT, decided_by TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (booking, owner)
);
CREATE INDEX approvals_open ON approvals (owner, asked_us) WHERE decision = 0;
