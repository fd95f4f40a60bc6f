using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>What ingest asks the runs slice. Called outside the telemetry store's transaction.</summary>
public interface IRunRegister
{
    /// <summary>
    /// Finds the run that a stream belongs to, or creates an unbooked one; nothing is refused for want of a lease. Called before
    /// the opening is stored, and again with the same key after a crash or a repeat: the answer for one key never changes.
    /// </summary>
    /// <exception cref="Platform.Errors.LabException">STORE_UNAVAILABLE; the agent keeps the entry and sends it again.</exception>
    Task<StreamPlacement> PlaceAsync(AgentCaller agent, StreamKey key, StreamHeader header, CancellationToken cancel);

    /// <summary>
    /// Tells what has been committed, soon after it was (coalesced, at most a few times a second and stream). A crash can swallow a
    /// report, so sweeps must compare with the store's own ledger before they end a run.
    /// </summary>
    Task ReportAsync(IReadOnlyList<StreamProgress> progress, CancellationToken cancel);
}

/// <summary>Where a stream belongs.</summary>
/// <param name="Run">runs/…; empty with a quarantine reason.</param>
/// <param name="QuarantineReason">Not null: keep every entry of the stream aside for this reason (the channel belongs to another agent, …).</param>
public sealed record StreamPlacement(string Run, string? QuarantineReason = null)
{
    /// <summary>The stream is kept aside.</summary>
    public static StreamPlacement Aside(string reason) => new("", reason);
}

/// <summary>What has been committed of a stream since the last report.</summary>
/// <param name="Run">runs/…</param>
/// <param name="Key">The stream.</param>
/// <param name="Opened">Its opening is stored (true in the first report).</param>
/// <param name="Closed">Its close is stored; no record will follow it.</param>
/// <param name="Records">Records committed since the last report.</param>
/// <param name="LastUtcNs">Stamp of the newest of them (record time); 0 when there is none.</param>
/// <param name="CloseReason">Why it closed; empty otherwise.</param>
public sealed record StreamProgress(string Run, StreamKey Key, bool Opened, bool Closed, long Records, long LastUtcNs, string CloseReason);
