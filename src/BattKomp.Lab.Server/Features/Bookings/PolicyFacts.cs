using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Policies;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Policies;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using NodaTime;
using PoolKind = BattKomp.Lab.Domain.Bookings.Policies.PoolKind;
using Presence = BattKomp.Lab.V1.Presence;
using QuotaPeriod = BattKomp.Lab.Domain.Bookings.Policies.QuotaPeriod;
using QuotaSubject = BattKomp.Lab.Domain.Bookings.Policies.QuotaSubject;
using State = BattKomp.Lab.Domain.Bookings.BookingState;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>The quotas that bind a wish, and what is read for them; two quotas over the same bookings share a query.</summary>
internal sealed class QuotaPlan
{
    internal static QuotaPlan None { get; } = new();

    private readonly List<(QuotaTerm Term, ScopedLayer Layer, string Subject, int Query)> _bound = [];
    private readonly List<UseQuery> _queries = [];

    private QuotaPlan()
    {
    }

    /// <summary>What to read.</summary>
    internal IReadOnlyList<UseQuery> Queries => _queries;

    /// <summary>What to lock, so that two wishes cannot both be the last that fits.</summary>
    internal IEnumerable<string> Guards => _bound.Select(b => "quota " + b.Subject).Distinct();

    internal static QuotaPlan Of(Booking booking, string organisation, PolicySet policies, Instant now)
    {
        if (!policies.Counts) return None;
        var (plan, window) = (new QuotaPlan(), BookingTimes.Window(booking.Window));
        foreach (var layer in policies.Layers)
            foreach (var term in layer.Layer.Terms.Quotas)
            {
                var (column, subject) = SubjectOf(term.Subject, booking, organisation);
                if (subject.Length == 0) continue;
                var periods = Quotas.PeriodsOf(term, layer.Zone, window, now);
                var query = new UseQuery(column, subject, Micros.FromInstant(periods[0].Start), Micros.FromInstant(periods[^1].End));
                var place = plan._queries.IndexOf(query);
                if (place < 0) plan._queries.Add(query);
                plan._bound.Add((term, layer, subject, place < 0 ? plan._queries.Count - 1 : place));
            }
        return plan;
    }

    /// <summary>The quotas with what was read for them.</summary>
    internal IReadOnlyList<QuotaUse> With(IReadOnlyList<IReadOnlyList<UseRow>> uses) =>
        _bound.ConvertAll(b => new QuotaUse(b.Term, b.Layer.Layer.Scope, b.Subject, b.Layer.Zone, [.. uses[b.Query].Where(r => Counts(b.Term, b.Layer, r)).Select(r => r.Window)]));

    private static bool Counts(QuotaTerm term, ScopedLayer layer, UseRow row) =>
        (term.Period != QuotaPeriod.Future || BookingStates.Occupies(row.State)) && (row.Rigs.Contains('\n') ? row.Rigs.Split('\n').Any(layer.Rigs.Contains) : layer.Rigs.Contains(row.Rigs));

    private static (string Column, string Name) SubjectOf(QuotaSubject subject, Booking booking, string organisation) => subject switch
    {
        QuotaSubject.Person => ("holder", booking.Holder),
        QuotaSubject.Course => ("cohort", booking.Cohort),
        _ => ("organisation", organisation),
    };
}

/// <summary>What pools over a wish add up; read under the guards, so that two wishes cannot both be the last that fits.</summary>
internal static class PoolFacts
{
    /// <summary>What to lock beside the channels: each scope of a pool.</summary>
    internal static IEnumerable<string> Guards(PolicySet policies) => policies.Layers.Where(l => l.Layer.Terms.Pools.Count > 0).Select(l => "pool " + l.Layer.Scope).Distinct();

    /// <summary>The pools over a wish, with what others draw.</summary>
    internal static async Task<IReadOnlyList<PoolUse>> PoolsAsync(CalendarTransaction tx, Booking booking, IReadOnlyList<ScopedLayer> layers, CatalogueFacts catalogue, CancellationToken cancel)
    {
        var pools = new List<PoolUse>();
        foreach (var layer in layers)
            foreach (var term in layer.Layer.Terms.Pools)
                pools.Add(new PoolUse(term, layer.Layer.Scope, DrawOf(term.Kind, booking, layer, catalogue), await DrawnAsync(tx, term, layer, booking, catalogue, BookingTimes.Window(booking.Window), cancel)));
        return pools;
    }

    private static async Task<IReadOnlyList<(TimeWindow, double)>> DrawnAsync(CalendarTransaction tx, PoolTerm term, ScopedLayer layer, Booking booking, CatalogueFacts catalogue, TimeWindow wanted, CancellationToken cancel)
    {
        var postgres = tx.Dialect == "postgres";
        var overlap = postgres ? "o.during && int8range(@from, @to)" : "o.start_us < @to AND o.end_us > @from";
        var rows = await tx.QueryAsync(
            $"SELECT b.start_us, b.end_us, b.doc FROM bookings b WHERE b.name IN (SELECT o.booking FROM occupancy o WHERE {overlap} AND o.occupies = 1 AND o.kind = 1 AND o.resource {BookingStore.In(postgres, "channels")})",
            r => (Window: BookingTimes.Window(r.GetInt64(0), r.GetInt64(1)), Booking: Booking.Parser.ParseFrom(r.GetFieldValue<byte[]>(2))), cancel,
            ("from", Micros.FromInstant(wanted.Start)), ("to", Micros.FromInstant(wanted.End)), ("channels", BookingStore.List(postgres, catalogue.ChannelsOf(layer.Rigs))));
        // One who is there alone takes one seat, at however many rigs.
        var others = rows.Where(r => !(term.Kind == PoolKind.Seats && booking.Headcount == 1 && r.Booking.Headcount == 1 && r.Booking.Holder == booking.Holder));
        return [.. others.Select(r => (r.Window, DrawOf(term.Kind, r.Booking, layer, catalogue)))];
    }

    private static double DrawOf(PoolKind kind, Booking booking, ScopedLayer layer, CatalogueFacts catalogue)
    {
        var channels = booking.Channels.Where(c => layer.Rigs.Contains(Contracts.ResourceNames.RigOf(c))).Distinct().ToList();
        return kind switch
        {
            PoolKind.Seats => booking.Presence == Presence.OnSite ? booking.Headcount : 0,
            PoolKind.Watts => channels.Sum(catalogue.MaxWattOf),
            _ => catalogue.MaxWattHourOf(channels),
        };
    }
}
