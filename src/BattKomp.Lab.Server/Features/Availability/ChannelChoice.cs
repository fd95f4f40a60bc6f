using BattKomp.Lab.Domain.Bookings.Search;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using NodaTime;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Availability;

/// <summary>Resolves the parts of a bundle to channels that are free.</summary>
public sealed class ChannelChoice(Catalogue.Catalogue catalogue, AvailabilityIndex index, BookingOptions options, MachineClock clock) : IChannelChoice
{
    private const int MostParts = 8;

    private sealed record Option(string Rig, string Lab, IReadOnlyList<string> Channels);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<IReadOnlyList<string>>> ChooseAsync(IReadOnlyList<BookingPart> parts, TimeWindow window, int most, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        new FieldChecks().Require(parts.Count <= MostParts, "any", $"has {parts.Count} parts; at most {MostParts}.").ThrowIfAny();
        var (times, _) = await index.GetAsync(cancel);
        var options_ = new List<IReadOnlyList<Option>>();
        for (var i = 0; i < parts.Count; i++)
        {
            var search = AsSearch(parts[i], window);
            // The checks of a search are those of a part; a mistake names the part.
            AvailabilityServiceHandler.Read(search, snapshot, clock.Now, $"any[{i}].");
            options_.Add(OptionsOf(search, window, snapshot, times));
        }
        return [.. Combine(options_, 0, "", []).Take(most)];
    }

    // Depth first over rigs in order; what is taken already and other labs are passed over.
    private static IEnumerable<IReadOnlyList<string>> Combine(IReadOnlyList<IReadOnlyList<Option>> parts, int part, string lab, IReadOnlyList<Option> chosen)
    {
        if (part == parts.Count)
        {
            yield return [.. chosen.SelectMany(c => c.Channels)];
            yield break;
        }
        foreach (var option in parts[part])
            if ((lab.Length == 0 || option.Lab == lab) && chosen.All(c => c.Rig != option.Rig))
                foreach (var whole in Combine(parts, part + 1, option.Lab, [.. chosen, option]))
                    yield return whole;
    }

    // The rigs that have the fewest channels to spare first: what is large stays free for who needs it.
    private List<Option> OptionsOf(SearchAvailabilityRequest search, TimeWindow window, CatalogueSnapshot snapshot, Func<string, ChannelTimes> times)
    {
        var known = CatalogueFacts.Of(snapshot);
        var wish = new SearchWish(search.Count, window.Length.ToInt64Nanoseconds() / 1000, options.Limits().Buffer.ToInt64Nanoseconds() / 1000, 1);
        var found = new List<(Option Option, int Spare)>();
        foreach (var rig in snapshot.Rigs.Where(r => !r.Locked && AvailabilityFinder.IsAsked(search, r)))
        {
            var able = rig.Channels.Where(c => AvailabilityFinder.IsAble(search, c, known.AllowedOf(c.Name))).Select(c => (c.Name, times(c.Name))).ToList();
            if (AvailabilitySearch.Choose(wish, new SearchRig(rig.Name, able, []), Micros.FromInstant(window.Start)) is { } channels) found.Add((new Option(rig.Name, rig.Lab, channels), able.Count - search.Count));
        }
        return [.. found.OrderBy(f => f.Spare).ThenBy(f => f.Option.Rig, StringComparer.Ordinal).Select(f => f.Option)];
    }

    private static SearchAvailabilityRequest AsSearch(BookingPart part, TimeWindow window)
    {
        var search = new SearchAvailabilityRequest
        {
            Count = Math.Max(1, part.Count),
            LengthMinutes = (int)Math.Clamp(Math.Ceiling(window.Length.TotalMinutes), 1, 60 * 24 * 366),
            Place = part.Place,
            RigKind = part.RigKind,
            ChargeAmpere = part.ChargeAmpere,
            DischargeAmpere = part.DischargeAmpere,
            Volt = part.Volt,
            Watt = part.Watt,
        };
        if (part.HasCelsius) search.Celsius = part.Celsius;
        return search;
    }
}
