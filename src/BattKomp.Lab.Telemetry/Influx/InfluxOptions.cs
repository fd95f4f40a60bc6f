namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Which InfluxDB, and how it is spoken to. Settings <c>Telemetry:Influx:…</c> of the server.</summary>
public sealed class InfluxOptions
{
    /// <summary>Address of the HTTP interface.</summary>
    public string Url { get; set; } = "http://127.0.0.1:8086";

    /// <summary>Database of InfluxDB 1, created when it is missing. With <see cref="Bucket"/> set it is not used.</summary>
    public string Database { get; set; } = "battlab";

    /// <summary>User of InfluxDB 1; empty = no login.</summary>
    public string Username { get; set; } = "";

    /// <summary>Password of that user.</summary>
    public string Password { get; set; } = "";

    /// <summary>Token of InfluxDB 2 or 3; empty = none.</summary>
    public string Token { get; set; } = "";

    /// <summary>Organisation of InfluxDB 2.</summary>
    public string Org { get; set; } = "";

    /// <summary>Bucket for the records; set = writes go to <c>/api/v2/write</c>, and InfluxQL asks for a database of the bucket's name (DBRP mapping).</summary>
    public string Bucket { get; set; } = "";

    /// <summary>Bucket for the ledger, which must never expire; empty = the same as <see cref="Bucket"/>.</summary>
    public string LedgerBucket { get; set; } = "";

    /// <summary>
    /// How long records stay, in hours of machine time; 0 = for ever. InfluxDB 1: a retention policy of its own, made and kept up to date by the
    /// store. With buckets: what the records' bucket has been given. The ledger always stays.
    /// </summary>
    public double RetentionHours { get; set; }

    /// <summary>Series that the store makes at most; one stream takes four. InfluxDB 1 itself refuses above one million a database.</summary>
    public int MaxSeries { get; set; } = 800_000;

    /// <summary>Bodies from this size on are compressed; -1 = never, 0 = 16 KiB, but never to this same machine, where it only costs.</summary>
    public int GzipAboveBytes { get; set; }

    /// <summary>Lines of one write.</summary>
    public int LinesPerWrite { get; set; } = 10_000;

    /// <summary>Writes in flight.</summary>
    public int Writers { get; set; } = 2;

    /// <summary>Seconds after which an unanswered request counts as failed (never as lost: the agent sends again).</summary>
    public double TimeoutSeconds { get; set; } = 30;

    /// <summary>Ledger rows of one stream before the older ones are merged.</summary>
    public int LedgerRowsPerStream { get; set; } = 8_192;

    /// <summary>Every mistake at once, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes()
    {
        if (!Uri.TryCreate(Url, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            yield return $"Telemetry:Influx:Url '{Url}' is not an address: use http://127.0.0.1:8086.";
        if (Bucket.Length == 0 && string.IsNullOrWhiteSpace(Database)) yield return "Telemetry:Influx:Database is empty: name a database.";
        if (Bucket.Length == 0 && LedgerBucket.Length > 0) yield return "Telemetry:Influx:LedgerBucket is set without Telemetry:Influx:Bucket: name both.";
        if (Bucket.Length > 0 && RetentionHours > 0 && (LedgerBucket.Length == 0 || LedgerBucket == Bucket))
            yield return "Telemetry:Influx:RetentionHours needs Telemetry:Influx:LedgerBucket: the ledger must outlive the records.";
        if (!(RetentionHours == 0 || RetentionHours is >= 1 and <= 1_000_000)) yield return $"Telemetry:Influx:RetentionHours is {RetentionHours}: use 0 (for ever) or 1 to 1000000.";
        if (MaxSeries < 8) yield return $"Telemetry:Influx:MaxSeries is {MaxSeries}: use 8 or more.";
        if (LinesPerWrite is < 1 or > 100_000) yield return $"Telemetry:Influx:LinesPerWrite is {LinesPerWrite}: use 1 to 100000.";
        if (Writers is < 1 or > 64) yield return $"Telemetry:Influx:Writers is {Writers}: use 1 to 64.";
        if (!(TimeoutSeconds is > 0 and <= 3600)) yield return $"Telemetry:Influx:TimeoutSeconds is {TimeoutSeconds}: use up to 3600.";
        if (LedgerRowsPerStream < 2) yield return $"Telemetry:Influx:LedgerRowsPerStream is {LedgerRowsPerStream}: use 2 or more.";
    }

    /// <summary>Where the records are.</summary>
    internal InfluxPlace Records => Bucket.Length > 0 ? new(Bucket, "") : new(Database, RetentionHours > 0 ? RecordsPolicy : "");

    /// <summary>Where ledger, streams, events and quarantine are; kept for ever.</summary>
    internal InfluxPlace Ledger => Bucket.Length > 0 ? new(LedgerBucket.Length > 0 ? LedgerBucket : Bucket, "") : new(Database, "");

    /// <summary>Retention policy of the records in InfluxDB 1.</summary>
    internal const string RecordsPolicy = "battlab_records";
}

/// <summary>A database with its retention policy (InfluxDB 1), or a bucket; an empty policy is the default one.</summary>
internal sealed record InfluxPlace(string Database, string Policy)
{
    /// <summary>The measurement as InfluxQL names it here.</summary>
    public string From(string measurement) => Policy.Length == 0 ? $"\"{measurement}\"" : $"\"{Policy}\".\"{measurement}\"";
}
