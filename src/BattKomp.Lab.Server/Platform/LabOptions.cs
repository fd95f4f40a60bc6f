using BattKomp.Lab.Domain.Time;
using NodaTime;
using NodaTime.Text;

namespace BattKomp.Lab.Server.Platform;

/// <summary>Everything the server is told from outside; unknown values are refused at start, all at once.</summary>
public sealed class LabOptions
{
    /// <summary>Folder of every file the server owns: calendar, records, segments, datasets, keys.</summary>
    public string DataDirectory { get; set; } = "data";

    /// <summary>HTTP/1 address for the page and REST. Port 0 = any free port, written to addresses.json.</summary>
    public string Http { get; set; } = "http://127.0.0.1:5080";

    /// <summary>Cleartext HTTP/2 address for gRPC.</summary>
    public string Grpc { get; set; } = "http://127.0.0.1:5081";

    /// <summary>Where people reach <see cref="Http"/> from outside (behind a proxy); stands in the addresses of feeds. Empty = the address listened on.</summary>
    public string PublicAddress { get; set; } = "";

    /// <summary>"sqlite" (embedded default) or "postgres".</summary>
    public string Calendar { get; set; } = "sqlite";

    /// <summary>Connection string when <see cref="Calendar"/> is postgres.</summary>
    public string PostgresConnection { get; set; } = "";

    /// <summary>JSON file of organisations, persons, labs, rigs, agents; applied at every start, by name.</summary>
    public string SeedFile { get; set; } = "";

    /// <summary>Lab time at the machine origin (ISO 8601); empty = lab time is machine time.</summary>
    public string LabOrigin { get; set; } = "";

    /// <summary>Machine time to which the lab origin is tied.</summary>
    public string MachineOrigin { get; set; } = "";

    /// <summary>Lab seconds per machine second.</summary>
    public double LabSpeed { get; set; } = 1;

    /// <summary>The limits of bookings.</summary>
    public Features.Bookings.BookingOptions Bookings { get; set; } = new();

    /// <summary>Mail and webhooks.</summary>
    public Features.Notices.OutboxOptions Outbox { get; set; } = new();

    /// <summary>Fair share between organisations.</summary>
    public Features.Sharing.SharingOptions Sharing { get; set; } = new();

    /// <summary>Monthly accounts of use.</summary>
    public Features.Usage.UsageOptions Usage { get; set; } = new();

    /// <summary>Timing of leases and runs.</summary>
    public Features.Runs.RunOptions Runs { get; set; } = new();

    /// <summary>Where records live.</summary>
    public Features.Ingest.TelemetryOptions Telemetry { get; set; } = new();

    /// <summary>The two clocks, as configured.</summary>
    public LabClock LabClock() => LabOrigin.Length == 0
        ? Domain.Time.LabClock.RealTime
        : new LabClock(Parse(LabOrigin), Parse(MachineOrigin), LabSpeed);

    /// <summary>Every mistake at once, each naming the setting and the remedy; empty = fine.</summary>
    public IReadOnlyList<string> Mistakes()
    {
        var mistakes = new List<string>();
        if (string.IsNullOrWhiteSpace(DataDirectory)) mistakes.Add("DataDirectory is empty: name a folder.");
        if (!Uri.TryCreate(Http, UriKind.Absolute, out _)) mistakes.Add($"Http '{Http}' is not an address: use http://127.0.0.1:5080.");
        if (!Uri.TryCreate(Grpc, UriKind.Absolute, out _)) mistakes.Add($"Grpc '{Grpc}' is not an address: use http://127.0.0.1:5081.");
        if (PublicAddress.Length > 0 && !Uri.TryCreate(PublicAddress, UriKind.Absolute, out _)) mistakes.Add($"PublicAddress '{PublicAddress}' is not an address: use https://lab.example.no.");
        if (Calendar is not ("sqlite" or "postgres")) mistakes.Add($"Calendar '{Calendar}' is unknown: use sqlite or postgres.");
        if (Calendar == "postgres" && PostgresConnection.Length == 0) mistakes.Add("PostgresConnection is empty: give a connection string.");
        if (SeedFile.Length > 0 && !File.Exists(SeedFile)) mistakes.Add($"SeedFile '{SeedFile}' does not exist.");
        if (!(LabSpeed >= 1) || double.IsInfinity(LabSpeed)) mistakes.Add($"LabSpeed {LabSpeed} must be 1 or more.");
        foreach (var (name, text) in new[] { (nameof(LabOrigin), LabOrigin), (nameof(MachineOrigin), MachineOrigin) })
            if ((LabOrigin.Length > 0 || MachineOrigin.Length > 0) && !InstantPattern.ExtendedIso.Parse(text).Success)
                mistakes.Add($"{name} '{text}' is not an ISO 8601 UTC instant: use 2026-11-23T08:00:00Z.");
        mistakes.AddRange(Bookings.Mistakes());
        mistakes.AddRange(Outbox.Mistakes());
        mistakes.AddRange(Sharing.Mistakes());
        mistakes.AddRange(Usage.Mistakes());
        mistakes.AddRange(Runs.Mistakes());
        mistakes.AddRange(Telemetry.Mistakes());
        return mistakes;
    }

    private static Instant Parse(string text) => InstantPattern.ExtendedIso.Parse(text).Value;
}
