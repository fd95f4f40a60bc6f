using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Search;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Policies;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.V1;
using NodaTime;
using Channel = BattKomp.Lab.V1.Channel;
using Presence = BattKomp.Lab.Domain.Bookings.Presence;
using TimeWindow = BattKomp.Lab.Domain.Time.TimeWindow;

namespace BattKomp.Lab.Server.Features.Availability;

/// <summary>
/// Searches: which rigs could be offered, when their labs let a booking start, when their channels are free, and the rules' word on each window before it
/// is offered. What a rule refuses whatever the time (a locked rig, too many people) drops the rig once and is counted; nothing else of a rig is told.
/// </summary>
public sealed class AvailabilityFinder(Catalogue.Catalogue catalogue, Policies.Policies policies, AvailabilityIndex index, BookingOptions options, IEnumerable<IFactSource> sources, MachineClock clock)
{
    // Rules that look at the time are asked at most so often in one search.
    private const int Questions = 4000;
    private static readonly ConditionalWeakTable<LabFacts, ConcurrentDictionary<(SearchGrid, long), bool[]>> Kept = [];

    private static readonly ConditionalWeakTable<CatalogueSnapshot, ConcurrentDictionary<(string, PolicySet), BookingFacts>> FactsKept = [];

    private sealed record Candidate(SearchRig Rig, string Lab, BookingFacts Facts);

    /// <summary>The answer to a search that was checked for form and filled in.</summary>
    public async Task<SearchAvailabilityResponse> FindAsync(PersonCaller person, SearchAvailabilityRequest request, SearchGrid grid, CancellationToken cancel)
    {
        var snapshot = await catalogue.GetAsync(cancel);
        var (times, asOf) = await index.GetAsync(cancel);
        var (now, length, misses) = (clock.Now, request.LengthMinutes * 60_000_000L, new SortedDictionary<string, int>(StringComparer.Ordinal));
        var candidates = await CandidatesAsync(person, request, grid, length, now, snapshot, times, misses, cancel);
        var byRig = candidates.ToDictionary(c => c.Rig.Name);
        var margin = candidates.Count == 0 ? 0 : candidates.Max(c => c.Facts.Limits.Buffer).ToInt64Nanoseconds() / 1000;
        var found = AvailabilitySearch.First(new SearchWish(request.Count, length, margin, request.MaxWindows), candidates.ConvertAll(c => c.Rig), grid,
            find => BookingRules.Evaluate(now, RequestOf(request, find.Channels, find.Start, length), byRig[find.Rig].Facts).Count == 0, Questions);
        var offered = found.Select(f => f.Rig).ToHashSet();
        if (found.Count < request.MaxWindows && candidates.Count > offered.Count) misses["NO_FREE_TIME"] = candidates.Count - offered.Count;
        var answer = new SearchAvailabilityResponse { AsOf = BookingTimes.Stamp(asOf) };
        answer.Windows.AddRange(found.Select(f => new AvailableWindow { Window = BookingTimes.Window(BookingTimes.Window(f.Start, f.Start + length)), Channels = { f.Channels }, Rig = f.Rig, Lab = byRig[f.Rig].Lab }));
        answer.NearMisses.AddRange(misses.Select(m => new NearMiss { Reason = m.Key, Rigs = m.Value }));
        answer.ResumeToken = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(answer.Windows.Select(w => w.ToString())))))[..16];
        return answer;
    }

    private async Task<List<Candidate>> CandidatesAsync(
        PersonCaller person, SearchAvailabilityRequest request, SearchGrid grid, long length, Instant now, CatalogueSnapshot snapshot, Func<string, ChannelTimes> times, SortedDictionary<string, int> misses, CancellationToken cancel)
    {
        var (known, candidates) = (CatalogueFacts.Of(snapshot), new List<Candidate>());
        var guarded = snapshot.Rigs.Where(r => (r.QualificationRequired is not null || r.RiskAssessmentRequired) && IsAsked(request, r)).ToList();
        var papers = await sources.AddAsync(known.For(guarded.SelectMany(r => r.Channels).Select(c => c.Name), options.Limits(), null), new Booking { Holder = person.Name }, cancel);
        foreach (var rig in snapshot.Rigs.Where(r => IsAsked(request, r)))
        {
            var channels = rig.Channels.Where(c => IsAble(request, c, known.AllowedOf(c.Name))).Select(c => c.Name).ToList();
            if (channels.Count < request.Count)
            {
                Count(misses, "TOO_FEW_CHANNELS");
                continue;
            }
            var set = await policies.OverAsync([rig.Name], request.ActivityClass, snapshot, cancel);
            var facts = FactsKept.GetValue(snapshot, _ => new()).GetOrAdd((rig.Name, set), key => known.Under(known.For(rig.Channels.Select(c => c.Name), options.Limits(), null), key.Item2, now));
            if (rig.QualificationRequired is not null || rig.RiskAssessmentRequired) facts = facts with { Qualifications = papers.Qualifications, Risks = papers.Risks };
            var wish = RequestOf(request, channels[..request.Count], grid.At(0), length);
            var never = BookingRules.EvaluateTimeless(now, wish, facts).Select(v => v.Reason).Distinct().ToList();
            foreach (var reason in never) Count(misses, reason);
            if (never.Count > 0) continue;
            var whole = wish.Presence == Presence.OnSite || rig.AttendedOnly;
            candidates.Add(new Candidate(new SearchRig(rig.Name, channels.ConvertAll(c => (c, times(c))), OpensOf(facts.Labs[rig.Lab], grid, whole ? length : 0)), rig.Lab, facts));
        }
        return candidates;
    }

    private static void Count(SortedDictionary<string, int> misses, string reason) => misses[reason] = misses.GetValueOrDefault(reason) + 1;

    internal static bool IsAsked(SearchAvailabilityRequest request, Rig rig) =>
        (request.Place.Length == 0 || request.Place == rig.Name || request.Place == rig.Lab) && (request.Stage.Length == 0 || rig.Stages.Contains(request.Stage)) && (request.RigKind.Length == 0 || request.RigKind == rig.RigKind);

    internal static bool IsAble(SearchAvailabilityRequest request, Channel channel, Domain.Runs.Ratings allowed) =>
        request.ChargeAmpere <= allowed.MaxChargeAmpere && request.DischargeAmpere <= allowed.MaxDischargeAmpere && request.Volt <= allowed.MaxVolt && request.Watt <= allowed.MaxWatt
        && (!request.HasCelsius || (channel.Limits is { } limits && request.Celsius >= limits.MinCelsius && request.Celsius <= limits.MaxCelsius));

    private static BookingRequest RequestOf(SearchAvailabilityRequest request, IReadOnlyList<string> channels, long start, long length) => new(channels, BookingTimes.Window(start, start + length))
    {
        Headcount = request.Headcount,
        Presence = (Presence)((int)request.Presence - 1),
    };

    // Points at which the lab is open, for people on site throughout the length.
    private static bool[] OpensOf(LabFacts lab, SearchGrid grid, long length) => Kept.GetValue(lab, _ => new()).GetOrAdd((grid, length), _ =>
    {
        var opens = new bool[grid.Points];
        var around = new TimeWindow(Micros.ToInstant(grid.At(0)), Micros.ToInstant(grid.At(grid.Points - 1) + length + 1));
        foreach (var stretch in OpeningTimes.In(lab, around))
        {
            var last = Micros.FromInstant(stretch.End) - Math.Max(length, 1);
            for (var point = grid.AtOrAfter(Micros.FromInstant(stretch.Start)); point < grid.Points && grid.At(point) <= last; point++) opens[point] = true;
        }
        return opens;
    });
}
