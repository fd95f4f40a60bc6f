namespace BattKomp.Lab.Domain.Runs;

/// <summary>Hard limits; magnitudes, 0 = not stated.</summary>
public sealed record Ratings(double MaxVolt, double MaxChargeAmpere, double MaxDischargeAmpere, double MaxWatt)
{
    /// <summary>Lowest voltage; 0 = not stated.</summary>
    public double MinVolt { get; init; }

    /// <summary>Highest temperature, °C; null = not stated.</summary>
    public double? MaxCelsius { get; init; }

    /// <summary>Lowest temperature, °C; null = not stated.</summary>
    public double? MinCelsius { get; init; }
}

/// <summary>What decides whether a channel may be leased.</summary>
/// <param name="Channel">rigs/…/channels/…</param>
/// <param name="RigLocked">An incident or a stop keeps the rig locked.</param>
/// <param name="Agent">agents/… that serves the channel; empty = nobody.</param>
/// <param name="AgentTrusted">The agent is enrolled and not revoked.</param>
/// <param name="Allowed">The limits the lease would carry.</param>
/// <param name="Procedure">The procedure's part; null when the booking names none.</param>
public sealed record LeaseFacts(string Channel, bool RigLocked, string Agent, bool AgentTrusted, Ratings Allowed, ProcedureFacts? Procedure);

/// <summary>What a lease needs of a procedure.</summary>
/// <param name="Name">procedures/…/versions/…</param>
/// <param name="Found">It exists.</param>
/// <param name="StoredSha256">Hash as stored at its creation.</param>
/// <param name="ActualSha256">Hash of the program as it is now.</param>
/// <param name="Demands">The most its steps ask for; 0 = nothing of it.</param>
public sealed record ProcedureFacts(string Name, bool Found, string StoredSha256, string ActualSha256, Ratings Demands);

/// <summary>The rules of what a lease may say.</summary>
public static class LeaseContent
{
    /// <summary>The tighter of two stated limits.</summary>
    public static double Tighter(double channel, double rig) => (channel, rig) switch
    {
        ( <= 0, _) => rig,
        (_, <= 0) => channel,
        _ => Math.Min(channel, rig),
    };

    /// <summary>Every reason for which the channel gets no lease, as sentences; none = it may.</summary>
    public static IEnumerable<string> Refusals(LeaseFacts facts)
    {
        if (facts.RigLocked) yield return $"the rig of {facts.Channel} is locked; a lab manager must release it";
        if (facts.Agent.Length == 0) yield return $"no agent serves {facts.Channel}; the lab must assign one";
        else if (!facts.AgentTrusted) yield return $"{facts.Agent} is revoked or not enrolled; the lab must enrol it again";
        if (facts.Procedure is not { } procedure) yield break;
        if (!procedure.Found)
        {
            yield return $"{procedure.Name} does not exist; book with a stored version";
            yield break;
        }
        if (procedure.StoredSha256 != procedure.ActualSha256) yield return $"{procedure.Name} is not the program it was stored as; store it anew";
        foreach (var beyond in Beyond(procedure.Demands, facts.Allowed))
            yield return $"{procedure.Name} {beyond.Asks}, and {facts.Channel} allows {beyond.Allowed}; use another channel or procedure";
    }

    /// <summary>One limit that a program goes beyond, as parts of a sentence.</summary>
    /// <param name="Asks">"asks for a voltage of 5 V"</param>
    /// <param name="Asked">"5 V"</param>
    /// <param name="Allowed">"4.3 V"</param>
    public sealed record Excess(string Asks, string Asked, string Allowed);

    /// <summary>Every limit that the demands go beyond; a limit that nobody stated allows everything.</summary>
    public static IEnumerable<Excess> Beyond(Ratings demands, Ratings allowed)
    {
        foreach (var (what, asked, limit, unit) in new[]
        {
            ("a voltage", demands.MaxVolt, allowed.MaxVolt, "V"),
            ("a charge current", demands.MaxChargeAmpere, allowed.MaxChargeAmpere, "A"),
            ("a discharge current", demands.MaxDischargeAmpere, allowed.MaxDischargeAmpere, "A"),
            ("a power", demands.MaxWatt, allowed.MaxWatt, "W"),
        })
            if (limit > 0 && asked > limit) yield return Of(what, asked, limit, unit, "");
        if (demands.MinVolt > 0 && allowed.MinVolt > 0 && demands.MinVolt < allowed.MinVolt) yield return Of("a voltage", demands.MinVolt, allowed.MinVolt, "V", " and more");
        if (demands.MaxCelsius > allowed.MaxCelsius) yield return Of("a temperature", demands.MaxCelsius.Value, allowed.MaxCelsius.Value, "°C", "");
        if (demands.MinCelsius < allowed.MinCelsius) yield return Of("a temperature", demands.MinCelsius.Value, allowed.MinCelsius.Value, "°C", " and more");
    }

    private static Excess Of(string what, double asked, double limit, string unit, string andMore) => new(
        FormattableString.Invariant($"asks for {what} of {asked:0.######} {unit}"), FormattableString.Invariant($"{asked:0.######} {unit}"),
        FormattableString.Invariant($"{limit:0.######} {unit}{andMore}"));
}
