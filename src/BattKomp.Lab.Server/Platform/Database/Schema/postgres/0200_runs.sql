-- Procedures, cell tests, leases, orders and runs. Instants: microseconds since 1970-01-01 UTC, machine time.
CREATE TABLE procedures (
    name TEXT PRIMARY KEY, procedure TEXT NOT NULL, version BIGINT NOT NULL, sha256 TEXT NOT NULL,
    author TEXT NOT NULL, owner TEXT NOT NULL, created_us BIGINT NOT NULL, doc BYTEA NOT NULL,
    UNIQUE (procedure, version), UNIQUE (procedure, sha256)
);
CREATE TABLE cell_tests (
    name TEXT PRIMARY KEY, test_object TEXT NOT NULL, procedure TEXT NOT NULL, owner TEXT NOT NULL, project TEXT NOT NULL,
    creator TEXT NOT NULL, created_us BIGINT NOT NULL, doc BYTEA NOT NULL
);
-- One lease a booking and agent, whatever runs how often. doc: the Lease without its sending time.
CREATE TABLE leases (
    name TEXT PRIMARY KEY, booking TEXT NOT NULL, agent TEXT NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL,
    created_us BIGINT NOT NULL, taken_us BIGINT, ended_us BIGINT, end_reason TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',
    doc BYTEA NOT NULL, UNIQUE (booking, agent)
);
CREATE INDEX leases_open ON leases (end_us) WHERE ended_us IS NULL;
-- What the server asks of an agent, until the agent has answered. doc: the AgentOrder; a lease is signed at every sending.
CREATE TABLE orders (
    id TEXT PRIMARY KEY, batch TEXT NOT NULL, agent TEXT NOT NULL, kind TEXT NOT NULL, channel TEXT NOT NULL, run TEXT NOT NULL,
    lease TEXT NOT NULL, created_us BIGINT NOT NULL, answered_us BIGINT, done BIGINT NOT NULL DEFAULT 0,
    seconds_to_safe DOUBLE PRECISION NOT NULL DEFAULT 0, detail TEXT NOT NULL DEFAULT '', doc BYTEA NOT NULL
);
CREATE INDEX orders_waiting ON orders (agent, id) WHERE answered_us IS NULL;
CREATE INDEX orders_of_batch ON orders (batch);
-- What happened on a channel. holder, owner and visibility are the booking's, copied: a booking is never edited.
CREATE TABLE runs (
    name TEXT PRIMARY KEY, channel TEXT NOT NULL, rig TEXT NOT NULL, lab TEXT NOT NULL, agent TEXT NOT NULL,
    booking TEXT NOT NULL, lease TEXT NOT NULL, cell_test TEXT NOT NULL, holder TEXT NOT NULL, owner TEXT NOT NULL, visibility BYTEA NOT NULL,
    state TEXT NOT NULL, created_us BIGINT NOT NULL, start_us BIGINT, end_us BIGINT, final_us BIGINT, end_reason TEXT NOT NULL DEFAULT '',
    procedure TEXT NOT NULL, procedure_sha256 TEXT NOT NULL, calibrations TEXT NOT NULL DEFAULT '', flags TEXT NOT NULL DEFAULT '',
    position TEXT NOT NULL DEFAULT '', records BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX runs_unfinished ON runs (state, name) WHERE state <> 'FINAL' AND state <> 'MISSED';
CREATE INDEX runs_of_booking ON runs (booking);
CREATE INDEX runs_of_cell_test ON runs (cell_test);
CREATE INDEX runs_of_channel ON runs (channel);
-- Where each stream was placed: the answer to a repeat is the answer given first.
CREATE TABLE run_streams (
    agent TEXT NOT NULL, boot TEXT NOT NULL, stream TEXT NOT NULL, run TEXT NOT NULL, aside TEXT NOT NULL, opened_us BIGINT NOT NULL,
    PRIMARY KEY (agent, boot, stream)
);
CREATE INDEX run_streams_of_run ON run_streams (run);
