using BattKomp.Lab.Domain.Time;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>One broken rule, with what would mend it.</summary>
/// <param name="Reason">Stable machine name, e.g. CHANNEL_OCCUPIED.</param>
/// <param name="Rule">The rule that speaks, e.g. "occupancy".</param>
/// <param name="Message">The sentence a person reads.</param>
public sealed record Violation(string Reason, string Rule, string Message)
{
    /// <summary>The rule's limit, as text with its unit; empty when it has none.</summary>
    public string Limit { get; init; } = "";

    /// <summary>What the request asked for, in the same unit.</summary>
    public string Actual { get; init; } = "";

    /// <summary>Role that may override with a reason; empty = nobody.</summary>
    public string OverridableBy { get; init; } = "";

    /// <summary>Nearest window this rule would accept; null when no time can mend it.</summary>
    public TimeWindow? Nearest { get; init; }

    /// <summary>Resource the rule speaks about; empty when it speaks of the request as a whole.</summary>
    public string Resource { get; init; } = "";

    /// <summary>The policy layer that says so: "nation", organisations/…, labs/… or rigs/…; empty = the rule itself or the server's settings.</summary>
    public string Policy { get; init; } = "";

    /// <summary>Windows that block, as far as the caller may see them.</summary>
    public IReadOnlyList<TimeWindow> Blocking { get; init; } = [];
}

/// <summary>Every violation of a request, at least one. An expected refusal is this value, not an exception.</summary>
public sealed record Refusal(IReadOnlyList<Violation> Violations);
