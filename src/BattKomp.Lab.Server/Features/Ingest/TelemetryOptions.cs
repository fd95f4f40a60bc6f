using BattKomp.Lab.Telemetry.Influx;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>Where records live, as settings (<c>Telemetry:Store</c>, <c>Telemetry:Influx:Url</c> and so on).</summary>
public sealed class TelemetryOptions
{
    /// <summary>The embedded store, one file in the data folder.</summary>
    public const string InDuckDb = "duckdb";

    /// <summary>InfluxDB, as <see cref="Influx"/> says.</summary>
    public const string InInflux = "influx";

    /// <summary>"duckdb" (embedded default) or "influx".</summary>
    public string Store { get; set; } = InDuckDb;

    /// <summary>Used when <see cref="Store"/> is influx.</summary>
    public InfluxOptions Influx { get; set; } = new();

    /// <summary>Every mistake at once, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes() => Store switch
    {
        InDuckDb => [],
        InInflux => Influx.Mistakes(),
        _ => [$"Telemetry:Store '{Store}' is unknown: use {InDuckDb} or {InInflux}."],
    };
}
