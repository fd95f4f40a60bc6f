namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>Where the embedded store lives and what it may use.</summary>
public sealed record DuckDbOptions
{
    /// <summary>Full path of the one database file; its folder is created. Only one process may have it open.</summary>
    public required string Path { get; init; }

    /// <summary>DuckDB's own limit; without one it takes 80 % of the machine and gains nothing in ingest.</summary>
    public string MemoryLimit { get; init; } = "256MB";

    /// <summary>Write-ahead log size at which DuckDB writes a checkpoint (within a commit).</summary>
    public string CheckpointThreshold { get; init; } = "64MB";

    /// <summary>Records in one commit at most; more waiting entries go to the next.</summary>
    public int GroupRecords { get; init; } = 131_072;

    /// <summary>Ledger rows of one stream before the older ones are merged.</summary>
    public int LedgerRowsPerStream { get; init; } = 8_192;
}
