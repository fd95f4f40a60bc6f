using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Policies;

/// <summary>One limit as it came to be: which layer's word holds, and what the others said.</summary>
/// <param name="Limit">"max_length", "horizon" and so on, as the contract names them.</param>
/// <param name="Value">As text with its unit.</param>
/// <param name="Scope">Whose word it is; "server" = the settings.</param>
/// <param name="Cites">Where it stands written.</param>
/// <param name="Overruled">Layers with a milder word, each with its value.</param>
public sealed record ExplainedLimit(string Limit, string Value, string Scope, string Cites, IReadOnlyList<(string Scope, string Value)> Overruled);

/// <summary>
/// The layers over a request made one, and how. Deny wins: of two layers that speak of the same limit the stricter holds, whichever is nearer, and
/// every quota and pool holds beside every other. A layer can tighten what lies above it and never loosen it.
/// </summary>
public static class EffectivePolicy
{
    private static readonly (string Name, Func<PolicyTerms, Duration?> Of, Func<BookingLimits, Duration> Server, bool Longest)[] Lengths =
    [
        ("min_length", t => t.MinLength, l => l.MinLength, true), ("max_length", t => t.MaxLength, l => l.MaxLength, false), ("horizon", t => t.Horizon, l => l.Horizon, false),
        ("create_notice", t => t.CreateNotice, l => l.CreateNotice, true), ("change_notice", t => t.ChangeNotice, l => l.ChangeNotice, true),
        ("cancel_notice", t => t.CancelNotice, l => l.CancelNotice, true), ("buffer", t => t.Buffer, l => l.Buffer, true),
    ];

    /// <summary>The layers that speak of an activity class.</summary>
    public static IReadOnlyList<PolicyLayer> For(IEnumerable<PolicyLayer> layers, string activityClass) =>
        [.. layers.Where(l => l.Terms.ActivityClasses.Count == 0 || l.Terms.ActivityClasses.Contains(activityClass))];

    /// <summary>The limits in force: the server's settings, tightened by the layers.</summary>
    public static BookingLimits Over(BookingLimits server, IReadOnlyList<PolicyLayer> layers)
    {
        if (layers.Count == 0) return server;
        var said = new Dictionary<string, string>();
        Duration Of(string name)
        {
            var (length, scope, _) = Strictest(name, server, layers);
            if (scope != "server") said[name] = scope;
            return length;
        }

        return server with
        {
            MinLength = Of("min_length"),
            MaxLength = Of("max_length"),
            Horizon = Of("horizon"),
            CreateNotice = Of("create_notice"),
            ChangeNotice = Of("change_notice"),
            CancelNotice = Of("cancel_notice"),
            Buffer = Of("buffer"),
            NoCrossDay = layers.FirstOrDefault(l => l.Terms.NoCrossDay)?.Scope ?? server.NoCrossDay,
            LessonPeriods = [.. layers.Where(l => l.Terms.LessonPeriods.Count > 0).Select(l => (l.Scope, l.Terms.LessonPeriods))],
            Said = said,
        };
    }

    /// <summary>Every limit that anything is said of, with who said what.</summary>
    public static IReadOnlyList<ExplainedLimit> Explain(BookingLimits server, IReadOnlyList<PolicyLayer> layers)
    {
        var explained = new List<ExplainedLimit>();
        foreach (var (name, of, _, _) in Lengths)
        {
            var (length, scope, cites) = Strictest(name, server, layers);
            var others = layers.Where(l => of(l.Terms) is not null && l.Scope != scope).Select(l => (l.Scope, Sentences.Of(of(l.Terms)!.Value)));
            if (length > Duration.Zero) explained.Add(new ExplainedLimit(name, Sentences.Of(length), scope, cites, [.. others]));
        }
        foreach (var layer in layers)
        {
            if (layer.Terms.NoCrossDay) explained.Add(new ExplainedLimit("no_cross_day", "begins and ends on one day", layer.Scope, layer.Cites, []));
            if (layer.Terms.ClosedOnPublicHolidays) explained.Add(new ExplainedLimit("closed_on_public_holidays", "closed", layer.Scope, layer.Cites, []));
            if (layer.Terms.LessonPeriods.Count > 0) explained.Add(new ExplainedLimit("lesson_periods", $"{layer.Terms.LessonPeriods.Count} periods a day", layer.Scope, layer.Cites, []));
            explained.AddRange(layer.Terms.Quotas.Select(q => new ExplainedLimit("quota", Quotas.Text(q), layer.Scope, layer.Cites, [])));
            explained.AddRange(layer.Terms.Pools.Select(p => new ExplainedLimit("pool", Pools.Text(p), layer.Scope, layer.Cites, [])));
        }
        return explained;
    }

    private static (Duration Length, string Scope, string Cites) Strictest(string name, BookingLimits server, IReadOnlyList<PolicyLayer> layers)
    {
        var (_, of, ofServer, longest) = Lengths.Single(l => l.Name == name);
        var best = (Length: ofServer(server), Scope: "server", Cites: "");
        foreach (var layer in layers)
            if (of(layer.Terms) is { } length && (longest ? length > best.Length : length < best.Length)) best = (length, layer.Scope, layer.Cites);
        return best;
    }
}
