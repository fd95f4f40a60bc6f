namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>The fixed tables of the embedded store; record tables are made as signal sets appear.</summary>
internal static class Schema
{
    /// <summary>Changes only by adding; an older file is opened as it is.</summary>
    public const string Create = """
        CREATE TABLE IF NOT EXISTS runs (id INTEGER, run VARCHAR);
        CREATE TABLE IF NOT EXISTS streams (
            id INTEGER, run INTEGER, agent VARCHAR, boot VARCHAR, stream VARCHAR,
            channel VARCHAR, lease VARCHAR, agent_run VARCHAR, anchor_utc_ns BIGINT, anchor_machine_utc_ns BIGINT, lab_speed DOUBLE,
            clock_quality VARCHAR, instrument_identity VARCHAR, protocol VARCHAR,
            previous_agent VARCHAR, previous_boot VARCHAR, previous_stream VARCHAR, simulated BOOLEAN,
            opened_hash UBIGINT, quarantine VARCHAR, closed_last_seq BIGINT, close_reason VARCHAR, rows_deleted BOOLEAN);
        CREATE TABLE IF NOT EXISTS record_tables (id INTEGER, name VARCHAR, numeric_signals VARCHAR, text_signals VARCHAR);
        CREATE TABLE IF NOT EXISTS run_tables (run INTEGER, record_table INTEGER);
        CREATE TABLE IF NOT EXISTS events (
            _run INTEGER, _stream INTEGER, _seq BIGINT, kind VARCHAR, utc_ns BIGINT, until_utc_ns BIGINT,
            cause VARCHAR, detail VARCHAR, step INTEGER, step_count INTEGER);
        CREATE TABLE IF NOT EXISTS ledger (stream INTEGER, first_seq BIGINT, last_seq BIGINT, kind UTINYINT, hash UBIGINT, records BIGINT);
        CREATE TABLE IF NOT EXISTS quarantine (
            agent VARCHAR, boot VARCHAR, stream VARCHAR, run INTEGER, first_seq BIGINT, hash UBIGINT,
            reason VARCHAR, bytes BLOB, received_utc_ns BIGINT);
        CREATE TABLE IF NOT EXISTS boots (agent VARCHAR, boot VARCHAR, ordinal BIGINT);
        """;

    /// <summary>Ledger row kinds.</summary>
    public const byte Opened = 0, Records = 1, Event = 2, Merged = 3;

    /// <summary>Contiguous ledger rows as one range each, ascending; {0} is the WHERE clause.</summary>
    public const string Islands = """
        SELECT stream, min(first_seq) AS first_seq, max(last_seq) AS last_seq, sum(records)::BIGINT AS records FROM (
            SELECT *, sum(starts) OVER (PARTITION BY stream ORDER BY first_seq) AS island FROM (
                SELECT *, CASE WHEN first_seq = lag(last_seq) OVER (PARTITION BY stream ORDER BY first_seq) + 1 THEN 0 ELSE 1 END AS starts
                FROM ledger WHERE {0}))
        GROUP BY stream, island ORDER BY stream, first_seq
        """;

    /// <summary>Replaces all ledger rows of stream {0} below sequence {1} by one row an island, hashes chained.</summary>
    public const string Merge = """
        CREATE OR REPLACE TEMP TABLE merged AS
        SELECT stream, min(first_seq) AS first_seq, max(last_seq) AS last_seq,
               CASE WHEN count(*) = 1 THEN any_value(kind) ELSE 3 END::UTINYINT AS kind,
               CASE WHEN count(*) = 1 THEN any_value(hash)
                    ELSE ('0x' || substr(sha256(string_agg(hash::VARCHAR, ',' ORDER BY first_seq)), 1, 16))::UBIGINT END AS hash,
               sum(records)::BIGINT AS records FROM (
            SELECT *, sum(starts) OVER (ORDER BY first_seq) AS island FROM (
                SELECT *, CASE WHEN first_seq = lag(last_seq) OVER (ORDER BY first_seq) + 1 THEN 0 ELSE 1 END AS starts
                FROM ledger WHERE stream = {0} AND last_seq < {1}))
        GROUP BY stream, island;
        DELETE FROM ledger WHERE stream = {0} AND last_seq < {1};
        INSERT INTO ledger SELECT * FROM merged;
        DROP TABLE merged;
        """;
}
