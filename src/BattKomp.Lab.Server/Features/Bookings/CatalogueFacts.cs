using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Qualifications;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Policies;
using NodaTime;
using LabProto = BattKomp.Lab.V1.Lab;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>The catalogue as the rules know it; made once for each snapshot.</summary>
internal sealed class CatalogueFacts
{
    private static readonly ConditionalWeakTable<CatalogueSnapshot, CatalogueFacts> Made = [];
    private readonly Dictionary<string, RigFacts> _rigOfChannel;
    private readonly Dictionary<string, Domain.Runs.Ratings> _allowed;
    private readonly Dictionary<string, LabFacts> _labs;
    private readonly List<string> _hazards;
    private readonly ConcurrentDictionary<string, LabFacts> _onHolidays = new();
    private readonly Dictionary<string, string> _countries;

    private CatalogueFacts(CatalogueSnapshot snapshot)
    {
        _rigOfChannel = snapshot.Rigs.SelectMany(r =>
        {
            var facts = new RigFacts(r.Name, r.Lab, r.HazardClass, r.MaxWattHour, r.AttendedOnly, r.Benches, r.Locked)
            {
                RigKind = r.RigKind,
                RiskAssessed = r.RiskAssessmentRequired,
                Needs = r.QualificationRequired is { } need ? new QualificationNeed((QualificationLevel)Math.Max(1, (int)need.Level), need.SupervisedRuns) : null,
            };
            return r.Channels.Select(c => (c.Name, facts));
        }).ToDictionary(p => p.Name, p => p.facts);
        _allowed = snapshot.Rigs.SelectMany(r => r.Channels.Select(c => (c.Name, ChannelRatings.Of(ChannelRatings.Within(c, r))))).ToDictionary(p => p.Name, p => p.Item2);
        _labs = snapshot.Labs.ToDictionary(l => l.Name, Lab);
        _countries = snapshot.Labs.ToDictionary(l => l.Name, l => l.Country);
        _hazards = [.. snapshot.CodeLists.Where(l => l.Id == "hazard-class").OrderBy(l => l.Version, StringComparer.Ordinal).LastOrDefault()?.Codes.Select(c => c.Code_) ?? []];
    }

    internal static CatalogueFacts Of(CatalogueSnapshot snapshot) => Made.GetValue(snapshot, s => new CatalogueFacts(s));

    /// <summary>The distinct rigs of known channels.</summary>
    internal IReadOnlyList<string> RigsOf(IEnumerable<string> channels) =>
        [.. channels.Select(c => _rigOfChannel.GetValueOrDefault(c)?.Name).OfType<string>().Distinct()];

    /// <summary>Facts for a request, without what occupies the channels.</summary>
    internal BookingFacts For(IEnumerable<string> channels, BookingLimits limits, TestObjectFacts? testObject, ProgramFacts? program = null)
    {
        var known = channels.Distinct().Where(_rigOfChannel.ContainsKey).ToDictionary(c => c, c => _rigOfChannel[c]);
        return new BookingFacts { Limits = limits, RigOfChannel = known, Labs = _labs, HazardOrder = _hazards, TestObject = testObject, Program = program, Allowed = _allowed };
    }

    /// <summary>The facts under the layers over the request: stricter limits, labs closed on public holidays.</summary>
    internal BookingFacts Under(BookingFacts facts, PolicySet policies, Instant around)
    {
        var layers = policies.Layers;
        if (layers.Count == 0) return facts;
        var labs = facts.Labs;
        if (layers.Any(l => l.Layer.Terms.ClosedOnPublicHolidays))
            labs = facts.Labs.ToDictionary(p => p.Key, p => layers.Any(l => l.Layer.Terms.ClosedOnPublicHolidays && facts.RigOfChannel.Values.Any(r => r.Lab == p.Key && l.Rigs.Contains(r.Name))) ? OnHolidays(p.Value, around) : p.Value);
        return facts with { Labs = labs, Limits = policies.Limits };
    }

    /// <summary>The channels of rigs.</summary>
    internal IEnumerable<string> ChannelsOf(IReadOnlySet<string> rigs) => _rigOfChannel.Where(p => rigs.Contains(p.Value.Name)).Select(p => p.Key);

    /// <summary>What a known channel allows.</summary>
    internal Domain.Runs.Ratings AllowedOf(string channel) => _allowed[channel];

    /// <summary>W that a channel may draw; 0 = not stated.</summary>
    internal double MaxWattOf(string channel) => _allowed.TryGetValue(channel, out var ratings) ? ratings.MaxWatt : 0;

    /// <summary>Wh of the largest test objects that the channels' rigs may hold together.</summary>
    internal double MaxWattHourOf(IEnumerable<string> channels) => channels.Select(c => _rigOfChannel.GetValueOrDefault(c)).OfType<RigFacts>().DistinctBy(r => r.Name).Sum(r => r.MaxWattHour);

    private LabFacts OnHolidays(LabFacts lab, Instant around)
    {
        var year = around.InZone(lab.Zone).Year;
        return _onHolidays.GetOrAdd($"{lab.Name} {year}", _ => lab with
        {
            Closures = [.. lab.Closures, .. Enumerable.Range(year - 1, 4).SelectMany(y => Holidays.Of(_countries[lab.Name], y)).Select(h => new ClosedDays(h.Day, h.Day, h.Name))],
        });
    }

    /// <summary>The facts with the rigs locked that the store says are.</summary>
    internal static BookingFacts WithLocks(BookingFacts facts, HashSet<string> locked) => locked.Count == 0 && facts.RigOfChannel.Values.All(r => !r.Locked)
        ? facts
        : facts with { RigOfChannel = facts.RigOfChannel.ToDictionary(p => p.Key, p => p.Value with { Locked = locked.Contains(p.Value.Name) }) };

    private static LabFacts Lab(LabProto lab) => new(
        lab.Name,
        DateTimeZoneProviders.Tzdb.GetZoneOrNull(lab.TimeZone) ?? DateTimeZone.Utc,
        [.. lab.OpeningHours.Select(h => new OpenStretch((IsoDayOfWeek)h.IsoDay, h.OpensMinute, h.ClosesMinute))],
        [.. lab.Closures.Where(c => c.FirstDay is not null && c.LastDay is not null).Select(c => new ClosedDays(Day(c.FirstDay), Day(c.LastDay), c.Why))])
    {
        Staffed = [.. lab.StaffedHours.Select(h => new OpenStretch((IsoDayOfWeek)h.IsoDay, h.OpensMinute, h.ClosesMinute))],
        LoneWorkFrom = lab.LoneWorkHazardClass,
    };

    private static LocalDate Day(Google.Type.Date day) => new(day.Year, day.Month, day.Day);
}
