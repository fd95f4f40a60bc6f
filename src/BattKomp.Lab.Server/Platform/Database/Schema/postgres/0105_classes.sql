-- Classes at the rigs. doc: battkomp.lab.v1.ClassBlock without seats; opens_us, closes_us: when seats are taken. An alias is no name.
CREATE TABLE class_blocks (
    name TEXT PRIMARY KEY, series TEXT NOT NULL UNIQUE, holder TEXT NOT NULL, code TEXT NOT NULL UNIQUE, opens_us BIGINT NOT NULL, closes_us BIGINT NOT NULL, created_us BIGINT NOT NULL, doc BYTEA NOT NULL
);
CREATE TABLE class_seats (
    block TEXT NOT NULL, alias TEXT NOT NULL, group_number INTEGER NOT NULL, joined_us BIGINT NOT NULL, PRIMARY KEY (block, alias)
);
