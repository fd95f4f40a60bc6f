namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>Where the embedded store lives and what it may use.</summary>
public sealed record DuckDbOptions
{
    /// <summary>Full path of the one database file; its folder is created. Only one process may have it open.</summary>
    public required string Path { get; init; }

    /// <summary>DuckDB's own limit; without one it takes 80 % of the machine and gains nothing in ingest.</summary>
    public string MemoryLimit { get; init; } = "256MB";

    /// <summary>
    /// Write-ahead log size at which DuckDB writes a checkpoint within a commit. Large: under bulk load every checkpoint rewrites partial row
    /// groups (16 MB cost a third of the throughput).
    /// </summary>
    public string CheckpointThreshold { get; init; } = "64MB";

    /// <summary>
    /// DuckDB's own threads. Small commits spend more on handing tasks between threads than they gain (live ingest took a quarter more of a core
    /// with two); a machine with many cores and long exports may want more.
    /// </summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Log bytes at which the writer itself makes a checkpoint while traffic is light (commits under <see cref="LightCommit"/> records): a checkpoint
    /// stops commits for a time that grows with the log, and live traffic feels it.
    /// </summary>
    public long LightCheckpointBytes { get; init; } = 12 << 20;

    /// <summary>
    /// Rows of one row group. A checkpoint writes each table's last, partial group again: with DuckDB's own 122 880 rows that alone stopped commits for
    /// about 45 ms, however short the log.
    /// </summary>
    public int RowGroup { get; init; } = 20_480;

    /// <summary>A commit of fewer records than this is light traffic.</summary>
    public const int LightCommit = 8_192;

    /// <summary>Records in one commit at most; more waiting entries go to the next.</summary>
    public int GroupRecords { get; init; } = 131_072;

    /// <summary>Ledger rows of one stream before the older ones are merged.</summary>
    public int LedgerRowsPerStream { get; init; } = 8_192;
}
