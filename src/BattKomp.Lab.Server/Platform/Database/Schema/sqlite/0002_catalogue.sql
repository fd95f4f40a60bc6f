-- Labs, rigs and test objects: key columns for rules and joins, the whole resource beside them as protobuf JSON.
CREATE TABLE labs (
    name TEXT PRIMARY KEY, organisation TEXT NOT NULL, kind TEXT NOT NULL, country TEXT NOT NULL, doc TEXT NOT NULL
);
CREATE TABLE rigs (
    name TEXT PRIMARY KEY, lab TEXT NOT NULL, hazard_class TEXT NOT NULL, doc TEXT NOT NULL,
    locked_us INTEGER, locked_by TEXT NOT NULL DEFAULT '', lock_reason TEXT NOT NULL DEFAULT ''
);
CREATE TABLE channels (
    name TEXT PRIMARY KEY, rig TEXT NOT NULL, instrument TEXT NOT NULL, agent TEXT NOT NULL
);
CREATE TABLE calibrations (
    name TEXT PRIMARY KEY, instrument TEXT NOT NULL, quantity TEXT NOT NULL, performed TEXT NOT NULL, due TEXT NOT NULL,
    certificate_sha256 TEXT NOT NULL, doc TEXT NOT NULL
);
CREATE TABLE test_objects (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL, custody TEXT NOT NULL, hazard_class TEXT NOT NULL, transport_status TEXT NOT NULL,
    derived_from TEXT NOT NULL, created_by TEXT NOT NULL, created_us INTEGER NOT NULL, doc TEXT NOT NULL
);
CREATE TABLE code_lists (
    list TEXT NOT NULL, version TEXT NOT NULL, code TEXT NOT NULL, title_en TEXT NOT NULL, title_nb TEXT NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (list, version, code)
);
