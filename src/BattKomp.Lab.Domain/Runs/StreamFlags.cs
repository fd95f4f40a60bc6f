using BattKomp.Lab.Domain.Time;
using NodaTime;

namespace BattKomp.Lab.Domain.Runs;

/// <summary>What is worth an eye about a stream's relation to its lease. Nothing here refuses: a lease governs energising, never storing.</summary>
public static class StreamFlags
{
    /// <summary>No lease governed it.</summary>
    public const string NoLease = "no_lease";

    /// <summary>It was opened before its lease's window began.</summary>
    public const string OutsideLease = "outside_lease";

    /// <summary>It was opened at or after the end of its lease's window.</summary>
    public const string AfterLease = "after_lease";

    /// <summary>No hardware stands behind it.</summary>
    public const string Simulated = "simulated";

    /// <summary>It says that it is simulated, on a channel of a physical lab: not to be taken for a measurement of that lab.</summary>
    public const string SimulatedOnPhysical = "simulated_on_physical";

    /// <summary>A calibration of the instrument was over its due date when the run began.</summary>
    public const string CalibrationOverdue = "calibration_overdue";

    /// <summary>It came when the run was final already.</summary>
    public const string LateRecords = "late_records";

    /// <summary>Nobody has closed one of the run's streams: its end is unknown.</summary>
    public const string UnclosedStream = "unclosed_stream";

    /// <summary>Entries are missing; the account of completeness lists them.</summary>
    public const string Gaps = "gaps";

    /// <summary>The flag of a stream opened at <paramref name="opened"/> (machine time) under a lease's window, or without one; null when all is well.</summary>
    public static string? Of(TimeWindow? lease, Instant opened) => lease switch
    {
        null => NoLease,
        { } window when opened < window.Start => OutsideLease,
        { } window when opened >= window.End => AfterLease,
        _ => null,
    };
}
