using System.Text.Json;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.V1;
using NodaTime;
using NodaTime.Text;

namespace BattKomp.Lab.Server.Features.YoungPeople;

/// <summary>Registers the slice.</summary>
public static class YoungPeopleFeature
{
    /// <summary>The dated policies on people under 18, for the rules.</summary>
    public static IServiceCollection AddYoungPeople(this IServiceCollection services) => services.AddSingleton<IFactSource, YoungPeoplePolicies>();
}

/// <summary>
/// What people under 18 may do, by country and day, from YoungPeoplePolicies.json. The paragraphs are the law's. Which hazard class counts as danger in their sense,
/// and how many learners one instructor can watch, are the network's own figures: the law gives none (decision 0081).
/// </summary>
public sealed class YoungPeoplePolicies(Catalogue.Catalogue catalogue) : IFactSource
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    private static readonly Lazy<IReadOnlyDictionary<string, IReadOnlyList<YoungPeoplePolicy>>> Known = new(Read);

    /// <summary>The policies by ISO 3166-1 alpha-2 country.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<YoungPeoplePolicy>> ByCountry => Known.Value;

    /// <inheritdoc/>
    public async Task<BookingFacts> AddAsync(BookingFacts facts, Booking booking, CancellationToken cancel)
    {
        if (booking.YoungPeople is null) return facts;
        var snapshot = await catalogue.GetAsync(cancel);
        return facts with
        {
            YoungPeople = facts.RigOfChannel.Values.Select(r => r.Lab).Distinct().ToDictionary(lab => lab, lab => ByCountry.GetValueOrDefault(snapshot.Lab(lab)?.Country ?? "", [])),
        };
    }

    private static IReadOnlyDictionary<string, IReadOnlyList<YoungPeoplePolicy>> Read()
    {
        using var stream = typeof(YoungPeoplePolicies).Assembly.GetManifestResourceStream("YoungPeoplePolicies.json")!;
        var written = JsonSerializer.Deserialize<List<WrittenPolicy>>(stream, Json)!;
        return written.GroupBy(p => p.Country).ToDictionary(g => g.Key, g => (IReadOnlyList<YoungPeoplePolicy>)[.. g.Select(Of)]);
    }

    private static YoungPeoplePolicy Of(WrittenPolicy p) => new(
        p.Id, LocalDatePattern.Iso.Parse(p.From).GetValueOrThrow(), [.. p.Rows.Select(r => new YoungPeopleRow(BandOf(r.Band), r.Track, r.HazardUpTo, r.LearnersPerInstructor, r.WatchedBy))],
        p.AgeParagraph, p.TrackParagraph);

    private static AgeBand BandOf(string written) => written switch
    {
        "under-15" => AgeBand.Under15,
        "from-15-to-17" => AgeBand.From15To17,
        _ => throw new InvalidDataException($"YoungPeoplePolicies.json: '{written}' is no age band."),
    };

    private sealed record WrittenPolicy(string Id, string Country, string From, string AgeParagraph, string TrackParagraph, List<WrittenRow> Rows);

    private sealed record WrittenRow(string Band, string Track, string HazardUpTo, int LearnersPerInstructor, string WatchedBy = "");
}
