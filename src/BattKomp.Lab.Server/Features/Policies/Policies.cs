using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using BattKomp.Lab.Domain.Bookings.Policies;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Policies;

/// <summary>A layer over a request, with what lies in its scope.</summary>
/// <param name="Layer">What it asks.</param>
/// <param name="Zone">Where its days begin: the lab's zone.</param>
/// <param name="Rigs">Every rig in its scope.</param>
public sealed record ScopedLayer(PolicyLayer Layer, DateTimeZone Zone, IReadOnlySet<string> Rigs);

/// <summary>Everything that binds bookings of some rigs in an activity class.</summary>
/// <param name="Layers">From the nation down to the rigs.</param>
/// <param name="Limits">The server's limits, tightened by them.</param>
public sealed record PolicySet(IReadOnlyList<ScopedLayer> Layers, Domain.Bookings.BookingLimits Limits)
{
    /// <summary>True when quotas or pools are among them.</summary>
    public bool Counts { get; } = Layers.Any(l => l.Layer.Terms.Quotas.Count + l.Layer.Terms.Pools.Count > 0);
}

/// <summary>The policies in force, as of at most two seconds ago. The slice's one public interface.</summary>
public sealed class Policies(CalendarDatabase database, Bookings.BookingOptions options, MachineClock clock)
{
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(2);
    private static readonly ConditionalWeakTable<CatalogueSnapshot, ConcurrentDictionary<string, IReadOnlySet<string>>> Scopes = [];
    private Kept? _kept;
    private PolicySet? _none;

    private sealed record Kept(long Stamp, IReadOnlyList<BookingPolicy> Policies)
    {
        internal ConditionalWeakTable<CatalogueSnapshot, ConcurrentDictionary<(string, string), PolicySet>> Sets { get; } = [];
    }

    /// <summary>What binds a booking of channels (or whole rigs) for an activity class.</summary>
    public async ValueTask<PolicySet> OverAsync(IReadOnlyList<string> channels, string activityClass, CatalogueSnapshot catalogue, CancellationToken cancel)
    {
        var kept = await KeptAsync(cancel);
        if (kept.Policies.Count == 0) return _none ??= new PolicySet([], options.Limits());
        var rigs = channels.Select(Contracts.ResourceNames.RigOf).Distinct().Order(StringComparer.Ordinal);
        return kept.Sets.GetValue(catalogue, _ => new()).GetOrAdd((string.Join('\n', rigs), activityClass), _ => Set(kept.Policies, channels, activityClass, catalogue));
    }

    private PolicySet Set(IReadOnlyList<BookingPolicy> policies, IReadOnlyList<string> channels, string activityClass, CatalogueSnapshot catalogue)
    {
        var now = clock.Now;
        var scopes = ScopesOf(channels, catalogue);
        List<ScopedLayer> layers =
        [
            .. from scope in scopes
               from policy in policies
               where policy.Scope == scope.Name && PolicyFields.InForce(policy, now)
               let layer = PolicyFields.LayerOf(policy)
               where EffectivePolicy.For([layer], activityClass).Count > 0
               select new ScopedLayer(layer, scope.Zone, RigsOf(scope.Name, catalogue)),
        ];
        return new PolicySet(layers, EffectivePolicy.Over(options.Limits(), [.. layers.Select(l => l.Layer)]));
    }

    /// <summary>The next read sees every change.</summary>
    internal void Forget() => _kept = null;

    internal static Task InsertAsync(CalendarTransaction tx, BookingPolicy policy, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO policies (name, scope, from_us, created_by, created_us, doc) VALUES (@n, @s, @f, @p, @t, @d)", cancel,
        ("n", policy.Name), ("s", policy.Scope), ("f", policy.EffectiveTime.ToMicros()), ("p", policy.SetBy), ("t", nowUs), ("d", policy.ToByteArray()));

    internal static Task<List<BookingPolicy>> ReadAsync(CalendarTransaction tx, string where, CancellationToken cancel, params (string, object?)[] values) => tx.QueryAsync(
        $"SELECT doc, retired_us FROM policies WHERE {where} ORDER BY scope, from_us, name LIMIT 1000", row =>
        {
            var policy = BookingPolicy.Parser.ParseFrom(row.GetFieldValue<byte[]>(0));
            policy.RetireTime = row.IsDBNull(1) ? null : Bookings.BookingTimes.Stamp(row.GetInt64(1));
            return policy;
        }, cancel, values);

    /// <summary>The scopes over channels, from the widest.</summary>
    internal static IReadOnlyList<(string Name, DateTimeZone Zone)> ScopesOf(IEnumerable<string> channels, CatalogueSnapshot catalogue)
    {
        var rigs = channels.Select(c => catalogue.RigOfChannel(c) ?? catalogue.Rig(c)).OfType<Rig>().DistinctBy(r => r.Name).OrderBy(r => r.Name, StringComparer.Ordinal).ToList();
        var labs = rigs.Select(r => catalogue.Lab(r.Lab)).OfType<V1.Lab>().DistinctBy(l => l.Name).ToList();
        return
        [
            .. labs.Select(l => ("nations/" + l.Country, ZoneOf(l))).DistinctBy(s => s.Item1), .. labs.Select(l => (l.Organisation, ZoneOf(l))).DistinctBy(s => s.Organisation),
            .. labs.Select(l => (l.Name, ZoneOf(l))), .. rigs.Select(r => (r.Name, ZoneOf(catalogue.Lab(r.Lab)))),
        ];
    }

    private static DateTimeZone ZoneOf(V1.Lab? lab) => DateTimeZoneProviders.Tzdb.GetZoneOrNull(lab?.TimeZone ?? "") ?? DateTimeZone.Utc;

    private static IReadOnlySet<string> RigsOf(string scope, CatalogueSnapshot catalogue) => Scopes.GetValue(catalogue, _ => new()).GetOrAdd(scope, name =>
        catalogue.Rigs.Where(r => r.Name == name || r.Lab == name || (catalogue.Lab(r.Lab) is { } lab && (lab.Organisation == name || "nations/" + lab.Country == name)))
            .Select(r => r.Name).ToHashSet());

    private async ValueTask<Kept> KeptAsync(CancellationToken cancel)
    {
        if (_kept is { } kept && clock.Provider.GetElapsedTime(kept.Stamp) < KeepFor) return kept;
        var read = await database.ReadAsync(tx => ReadAsync(tx, "retired_us IS NULL", cancel), cancel);
        return _kept = new Kept(clock.Provider.GetTimestamp(), read);
    }
}
