namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>How much a finding matters.</summary>
public enum BdfSeverity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Info,

    /// <summary>Allowed, and to be looked at before the data are used.</summary>
    Warning,

    /// <summary>The table is not what it claims.</summary>
    Error,
}

/// <summary>One thing the validator saw. Nothing is repaired.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Code">Kind of finding, stable: <c>missing_required</c>, <c>not_monotone</c>, …</param>
/// <param name="Column">Column name.</param>
/// <param name="Record">1-based number of the first record to blame, or null.</param>
/// <param name="Message">What is wrong, one sentence.</param>
/// <param name="Remedy">What to do about it, one sentence.</param>
public sealed record BdfFinding(BdfSeverity Severity, string Code, string Column, int? Record, string Message, string Remedy);

/// <summary>Everything the validator saw.</summary>
public sealed record BdfReport(IReadOnlyList<BdfFinding> Findings)
{
    /// <summary>Whether nothing is an error.</summary>
    public bool Passes => Findings.All(f => f.Severity != BdfSeverity.Error);
}
