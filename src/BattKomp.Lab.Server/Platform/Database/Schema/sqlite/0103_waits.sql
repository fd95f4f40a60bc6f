-- Waits for time that was taken. state as on the wire; doc: battkomp.lab.v1.Wait as asked for; organisation: under whose share it stands.
CREATE TABLE waits (
    name TEXT PRIMARY KEY, state INTEGER NOT NULL, holder TEXT NOT NULL, organisation TEXT NOT NULL, displaced INTEGER NOT NULL, until_us INTEGER NOT NULL,
    offer TEXT NOT NULL DEFAULT '', offer_expire_us INTEGER, created_us INTEGER NOT NULL, changed_us INTEGER NOT NULL, doc BLOB NOT NULL
);
CREATE INDEX waits_open ON waits (state, created_us) WHERE state IN (1, 2);
CREATE INDEX waits_of_holder ON waits (holder, created_us);
