using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>
/// People under 18 on site meet no more danger than their age, their training and the adults beside them allow. Three refusals: too young whatever they are there
/// for, old enough only in training, too few instructors. Nobody overrides them.
/// </summary>
public sealed class YoungPeopleRule : IBookingRule
{
    private const string Name = "young-people";

    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (request.Presence != Presence.OnSite || request.Young is not { } young || young.Under15 + young.From15To17 == 0) return [];
        return facts.RigsOf(request).SelectMany(rig => Judge(request, young, facts, rig));
    }

    private static IEnumerable<Violation> Judge(BookingRequest request, YoungPeople young, BookingFacts facts, RigFacts rig)
    {
        var zone = facts.Labs.GetValueOrDefault(rig.Lab)?.Zone ?? DateTimeZone.Utc;
        if (YoungPeoplePolicy.On(request.Window.Start.InZone(zone).Date, facts.YoungPeople.GetValueOrDefault(rig.Lab, [])) is not { } policy)
        {
            yield return new Violation("YOUNG_PEOPLE_POLICY_MISSING", Name, $"No policy on people under 18 is in force at {rig.Lab} on that day, so that nobody can say what they may do there. Come with adults only.") { Resource = rig.Name };
            yield break;
        }
        var met = new List<YoungPeopleRow>();
        foreach (var band in Enum.GetValues<AgeBand>().Where(b => young.Of(b) > 0))
        {
            var reaching = policy.Rows.Where(r => r.Band == band && facts.HazardRank(r.HazardUpTo) >= facts.HazardRank(facts.HazardAt(rig)) && facts.HazardRank(r.HazardUpTo) < int.MaxValue).ToList();
            var row = reaching.Where(r => r.IsFor(young.Track)).OrderBy(r => facts.HazardRank(r.HazardUpTo)).ThenByDescending(r => r.LearnersPerInstructor).FirstOrDefault();
            if (row is not null) met.Add(row);
            else yield return reaching.Count == 0 ? TooYoung(policy, band, rig, facts) : NotInTraining(policy, band, young, rig, facts, reaching);
        }
        if (met.MinBy(r => r.LearnersPerInstructor) is { } strictest && TooFewInstructors(policy, request.Headcount - young.Instructors, young.Instructors, strictest, rig, facts) is { } few) yield return few;
    }

    private static Violation TooYoung(YoungPeoplePolicy policy, AgeBand band, RigFacts rig, BookingFacts facts) => new("YOUNG_PERSON_TOO_YOUNG", Name,
        $"{Who(band)} may not work where the hazard class is {Hazard(facts, rig)}, as on {rig.Name} ({(band == AgeBand.Under15 ? $"{policy.AgeParagraph}; policy {policy.Id}" : $"policy {policy.Id}'s own limit, also in training")}). Choose a test object or rig of a milder class, or let them follow from afar.")
    {
        Limit = Worst(policy.Rows.Where(r => r.Band == band), facts),
        Actual = Hazard(facts, rig),
        Resource = rig.Name,
    };

    private static Violation NotInTraining(YoungPeoplePolicy policy, AgeBand band, YoungPeople young, RigFacts rig, BookingFacts facts, IReadOnlyList<YoungPeopleRow> reaching)
    {
        var tracks = string.Join(" or ", reaching.Select(r => r.Track).Distinct());
        return new Violation("YOUNG_PERSON_NOT_IN_TRAINING", Name,
            $"{Who(band)} may work at hazard class {Hazard(facts, rig)}, as on {rig.Name}, only in training ({policy.TrackParagraph}; policy {policy.Id}). Book it under the track {tracks} if that is what it is, or choose a milder class.")
        {
            Limit = tracks,
            Actual = young.Track,
            Resource = rig.Name,
        };
    }

    private static Violation? TooFewInstructors(YoungPeoplePolicy policy, int learners, int instructors, YoungPeopleRow row, RigFacts rig, BookingFacts facts)
    {
        var ratio = row.LearnersPerInstructor;
        var needed = (learners + ratio - 1) / ratio;
        return instructors >= needed ? null : new Violation("YOUNG_PEOPLE_UNWATCHED", Name,
            $"At hazard class {Hazard(facts, rig)}, as on {rig.Name}, one instructor watches at most {ratio} learners when some are under 18 ({(row.WatchedBy.Length > 0 ? row.WatchedBy + "; the number is" : "this is")} policy {policy.Id}'s own). " +
            $"Bring {needed} for {learners}, or fewer learners at a time.")
        {
            Limit = $"1 instructor per {ratio} learners",
            Actual = $"{instructors} for {learners} learners",
            Resource = rig.Name,
        };
    }

    private static string Worst(IEnumerable<YoungPeopleRow> rows, BookingFacts facts) => rows.MaxBy(r => facts.HazardRank(r.HazardUpTo))?.HazardUpTo ?? "none";

    private static string Hazard(BookingFacts facts, RigFacts rig) => facts.HazardAt(rig) is { Length: > 0 } stated ? stated : "not stated";

    private static string Who(AgeBand band) => band == AgeBand.Under15 ? "People under 15 or of compulsory school age" : "People from 15 to 17";
}
