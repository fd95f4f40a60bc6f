using BattKomp.Lab.Domain.Sharing;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Domain.Usage;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Incidents;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Sharing;

/// <summary>Registers the slice.</summary>
public static class SharingFeature
{
    /// <summary>The order of fair share and its explanation.</summary>
    public static IServiceCollection AddSharing(this IServiceCollection services) => services.AddSingleton<FairShare>();
}

/// <summary>The order of all users at one moment.</summary>
/// <param name="At">When use was read.</param>
/// <param name="Places">By <see cref="FairShare.UserKey"/>.</param>
public sealed record ShareOrder(Instant At, IReadOnlyDictionary<string, SharePlace> Places);

/// <summary>
/// Who is due next between organisations: the slice's one public interface, for wait lists and released time; a confirmed booking is never moved by it.
/// Every (person, organisation) with a role or with use is a user; what they used is read from the account of bookings.
/// </summary>
public sealed class FairShare(CalendarDatabase database, Catalogue.Catalogue catalogue, BookingUsage usage, LockedTimes locked, Usage.LostTimes logged, LabOptions options, MachineClock clock)
{
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(30);
    private volatile Kept? _kept;

    private sealed record Kept(long Stamp, ShareOrder Order);

    /// <summary>A person at an organisation: somebody with two affiliations stands in two places.</summary>
    public static string UserKey(string person, string organisation) => $"{person}@{organisation}";

    /// <summary>The order as of at most half a minute ago.</summary>
    public async Task<ShareOrder> OrderAsync(CancellationToken cancel)
    {
        if (_kept is { } kept && clock.Provider.GetElapsedTime(kept.Stamp) < KeepFor) return kept.Order;
        var order = await ReadAsync(cancel);
        _kept = new Kept(clock.Provider.GetTimestamp(), order);
        return order;
    }

    /// <summary>The next read sees every booking; for tests and after a change of settings.</summary>
    public void Forget() => _kept = null;

    private async Task<ShareOrder> ReadAsync(CancellationToken cancel)
    {
        var now = clock.Now;
        var snapshot = await catalogue.GetAsync(cancel);
        var window = new TimeWindow(now - options.Sharing.LookBack, now);
        var used = await usage.OverlappingAsync(window, cancel);
        var lost = (await locked.OverlappingAsync(window, cancel)).ToLookup(l => l.Rig, l => l.Window);
        var down = await logged.OverlappingAsync(window, cancel);
        var people = await database.ReadAsync(tx => tx.QueryAsync(
            "SELECT DISTINCT person, organisation FROM affiliations WHERE role <> 'coordinator' AND from_us <= @now AND (until_us IS NULL OR until_us > @now)",
            r => (Person: r.GetString(0), Organisation: r.GetString(1)), cancel, ("now", Micros.FromInstant(now))), cancel);
        var hours = Hours(used, lost, down, snapshot, now);
        foreach (var (person, organisation) in people) hours.TryAdd((person, organisation), 0);
        return new ShareOrder(now, FairTree.Rank(ShareTreeOf(snapshot, hours)));
    }

    private Dictionary<(string Person, string Organisation), double> Hours(List<UsedTime> used, ILookup<string, TimeWindow> lost, ILookup<string, TimeWindow> down, CatalogueSnapshot snapshot, Instant now)
    {
        var decay = new Decay(Duration.FromDays(options.Sharing.HalfLifeDays));
        var hours = new Dictionary<(string, string), double>();
        foreach (var booking in used)
        {
            if (booking.Counted is not { } window) continue;
            var key = (booking.Holder, booking.Organisation);
            // Time in which an incident kept the rig locked, or that the lab logged as lost, was nobody's use.
            foreach (var rig in booking.Channels.GroupBy(Contracts.ResourceNames.RigOf))
                hours[key] = hours.GetValueOrDefault(key) + rig.Count() * WeightOf(rig.Key, snapshot) * window.Without(lost[rig.Key].Concat(down[booking.Booking])).Sum(w => decay.Hours(w, now));
        }
        return hours;
    }

    private double WeightOf(string rig, CatalogueSnapshot snapshot) => options.Sharing.WeightByRigKind.GetValueOrDefault(snapshot.Rig(rig)?.RigKind ?? "", 1);

    // nation > organisation > its units, to any depth > users. A parent that is unknown, or its own descendant, is none.
    private ShareNode ShareTreeOf(CatalogueSnapshot snapshot, Dictionary<(string Person, string Organisation), double> hours)
    {
        var organisations = snapshot.Organisations.ToDictionary(o => o.Name);
        foreach (var unknown in hours.Keys.Select(k => k.Organisation).Distinct().Where(o => !organisations.ContainsKey(o)).ToList())
            organisations[unknown] = new OrganisationFacts(unknown, "", "", "", "", "");
        var parents = organisations.Values.ToDictionary(o => o.Name, o => ParentOf(o, organisations));
        var units = parents.Where(p => p.Value.Length > 0).ToLookup(p => p.Value, p => p.Key);
        var users = hours.ToLookup(h => h.Key.Organisation, h => ShareNode.User(UserKey(h.Key.Person, h.Key.Organisation), h.Value));
        var nations = parents.Where(p => p.Value.Length == 0).GroupBy(p => organisations[p.Key].Country, p => Branch(p.Key));
        return ShareNode.Group("", 1, [.. nations.Select(n => ShareNode.Group($"countries/{n.Key}", 1, [.. n.Where(HasUsers)])).Where(HasUsers)]);

        ShareNode Branch(string name) => ShareNode.Group(name, options.Sharing.Shares.GetValueOrDefault(name, 1), [.. units[name].Select(Branch).Where(HasUsers), .. users[name]]);
    }

    // A branch in which nobody books takes no share from its siblings.
    private static bool HasUsers(ShareNode node) => node.IsUser || node.Children.Count > 0;

    private static string ParentOf(OrganisationFacts organisation, Dictionary<string, OrganisationFacts> all)
    {
        // The root and the nation stand above the organisations, the user below them.
        var (at, levels) = (organisation, 3);
        while (all.TryGetValue(at.Parent, out var above))
        {
            if (above.Name == organisation.Name || ++levels > FairTree.MostLevels) return "";
            at = above;
        }
        return all.ContainsKey(organisation.Parent) ? organisation.Parent : "";
    }
}
