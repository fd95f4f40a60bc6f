using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.Server.Features.YoungPeople;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

/// <summary>What people under 18 may do, by the policy that the server carries.</summary>
public sealed class YoungPeopleRuleTests
{
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 8, 0);
    private static readonly string[] Hazards = ["h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7"];
    private static readonly string[] Tracks = ["none", "school", "apprenticeship"];
    private static readonly YoungPeopleRule Rule = new();
    private static readonly IReadOnlyList<YoungPeoplePolicy> Norway = YoungPeoplePolicies.ByCountry["NO"];

    private static readonly Gen<(YoungPeople Young, int Adults, int Hazard)> Any = Gen.Select(Gen.Int[0, 20], Gen.Int[0, 20], Gen.Int[0, 5], Gen.Int[0, 2], Gen.Int[0, 6], Gen.Int[0, 7])
        .Select((under, from, instructors, track, adults, hazard) => (new YoungPeople(under, from, instructors, Tracks[track]), adults, hazard));

    [Fact]
    public void The_three_refusals_are_distinct_and_each_cites_where_it_stands()
    {
        var child = Assert.Single(Judge(new YoungPeople(5, 0, 5, "school"), 0, "h1"));
        Assert.Equal(("YOUNG_PERSON_TOO_YOUNG", "h0", "h1"), (child.Reason, child.Limit, child.Actual));
        Assert.Contains("arbeidsmiljøloven § 11-1", child.Message, StringComparison.Ordinal);

        var visit = Assert.Single(Judge(new YoungPeople(0, 5, 5, "none"), 0, "h2"));
        Assert.Equal(("YOUNG_PERSON_NOT_IN_TRAINING", "school or apprenticeship", "none"), (visit.Reason, visit.Limit, visit.Actual));
        Assert.Contains("§ 12-5 bokstav d", visit.Message, StringComparison.Ordinal);

        var few = Assert.Single(Judge(new YoungPeople(0, 12, 1, "school"), 1, "h2"));
        Assert.Equal(("YOUNG_PEOPLE_UNWATCHED", "1 instructor per 12 learners", "1 for 13 learners"), (few.Reason, few.Limit, few.Actual));
        Assert.Contains("§ 12-7 femte ledd", few.Message, StringComparison.Ordinal);
        Assert.Contains("Bring 2 for 13", few.Message, StringComparison.Ordinal);

        // All at once, each for its own: children, youths who are no learners of a trade; and at h5 not even in training.
        Assert.Equal(["YOUNG_PERSON_TOO_YOUNG", "YOUNG_PERSON_NOT_IN_TRAINING"], Judge(new YoungPeople(2, 2, 4, "none"), 0, "h2").Select(v => v.Reason));
        Assert.Equal(["YOUNG_PERSON_TOO_YOUNG", "YOUNG_PEOPLE_UNWATCHED"], Judge(new YoungPeople(2, 9, 1, "school"), 0, "h3").Select(v => v.Reason));
        var abuse = Assert.Single(Judge(new YoungPeople(0, 2, 2, "apprenticeship"), 0, "h5"));
        Assert.Equal("YOUNG_PERSON_TOO_YOUNG", abuse.Reason);
        Assert.Contains("policy no-2026-11's own limit", abuse.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("§", abuse.Message, StringComparison.Ordinal);
        Assert.Equal("YOUNG_PERSON_TOO_YOUNG", Assert.Single(Judge(new YoungPeople(0, 2, 2, "apprenticeship"), 0, "unheard-of")).Reason);
        Assert.All(Judge(new YoungPeople(2, 9, 1, "none"), 0, "h3"), v => Assert.Equal("", v.OverridableBy));
    }

    [Fact]
    public void It_allows_exactly_what_a_row_of_the_policy_allows() => Any.Sample(c =>
    {
        var rows = Norway[^1].Rows;
        var ok = true;
        var learners = c.Adults + c.Young.Under15 + c.Young.From15To17;
        foreach (var (band, count) in new[] { (AgeBand.Under15, c.Young.Under15), (AgeBand.From15To17, c.Young.From15To17) })
            if (count > 0) ok &= rows.Any(r => r.Band == band && (r.Track == "*" || r.Track == c.Young.Track) && Array.IndexOf(Hazards, r.HazardUpTo) >= c.Hazard && learners <= r.LearnersPerInstructor * c.Young.Instructors);
        Assert.Equal(ok, Judge(c.Young, c.Adults, Hazards[c.Hazard]).Count == 0);
    });

    [Fact]
    public void More_instructors_fewer_learners_or_less_hazard_never_add_a_refusal() => Any.Sample(c =>
    {
        var before = Reasons(c.Young, c.Adults, c.Hazard);
        Assert.Subset(before, Reasons(c.Young with { Instructors = c.Young.Instructors + 1 }, c.Adults, c.Hazard));
        if (c.Adults > 0) Assert.Subset(before, Reasons(c.Young, c.Adults - 1, c.Hazard));
        if (c.Hazard > 0 && Reasons(c.Young, c.Adults, c.Hazard - 1).Count > 0) Assert.NotEmpty(before);
        HashSet<string> Reasons(YoungPeople young, int adults, int hazard) => [.. Judge(young, adults, Hazards[hazard]).Select(v => v.Reason)];
    });

    [Fact]
    public void Adults_and_people_elsewhere_are_not_judged_and_a_country_without_a_policy_takes_no_young_people()
    {
        var request = Request(new YoungPeople(5, 5, 0, "none"), 0);
        Assert.Empty(Rule.Evaluate(Now, request with { Presence = Presence.RemoteView }, Facts("h4")));
        Assert.Empty(Rule.Evaluate(Now, request with { Young = null }, Facts("h4")));
        Assert.Equal("YOUNG_PEOPLE_POLICY_MISSING", Assert.Single(Rule.Evaluate(Now, request, Facts("h0") with { YoungPeople = new Dictionary<string, IReadOnlyList<YoungPeoplePolicy>>() })).Reason);
        var before = request with { Window = new TimeWindow(Instant.FromUtc(2026, 10, 31, 21, 0), Instant.FromUtc(2026, 11, 1, 12, 0)) };
        Assert.Equal("YOUNG_PEOPLE_POLICY_MISSING", Assert.Single(Rule.Evaluate(Now, before, Facts("h0"))).Reason);
        // 23:30 UTC in October is November in Oslo: the day is the lab's.
        Assert.DoesNotContain(Rule.Evaluate(Now, before with { Window = before.Window.StartingAt(Instant.FromUtc(2026, 10, 31, 23, 30)) }, Facts("h0")), v => v.Reason == "YOUNG_PEOPLE_POLICY_MISSING");
    }

    [Fact]
    public void Of_several_policies_the_newest_that_has_begun_holds()
    {
        var later = Norway[0] with { Id = "later", From = new LocalDate(2027, 8, 1) };
        Assert.Equal(Norway[0], YoungPeoplePolicy.On(new LocalDate(2027, 7, 31), [later, Norway[0]]));
        Assert.Equal(later, YoungPeoplePolicy.On(new LocalDate(2027, 8, 1), [later, Norway[0]]));
    }

    [Fact]
    public void The_policy_file_speaks_of_known_classes_and_tracks_and_watches_closer_where_it_is_more_dangerous()
    {
        Assert.All(Norway, p => Assert.All(new[] { p.Id, p.AgeParagraph, p.TrackParagraph }, t => Assert.False(string.IsNullOrWhiteSpace(t))));
        foreach (var row in Norway.SelectMany(p => p.Rows))
        {
            Assert.Contains(row.HazardUpTo, Hazards);
            Assert.Contains(row.Track, Tracks.Append("*"));
            Assert.True(row.LearnersPerInstructor >= 1);
            Assert.DoesNotContain(Norway.SelectMany(p => p.Rows), r => r.Band == row.Band && r.Track == row.Track && string.CompareOrdinal(r.HazardUpTo, row.HazardUpTo) > 0 && r.LearnersPerInstructor > row.LearnersPerInstructor);
        }
    }

    private static List<Violation> Judge(YoungPeople young, int adults, string hazard) => [.. Rule.Evaluate(Now, Request(young, adults), Facts(hazard))];

    private static BookingRequest Request(YoungPeople young, int adults) => new(["rigs/r/channels/1"], new TimeWindow(Now, Now + Duration.FromHours(2)))
    {
        Headcount = young.Under15 + young.From15To17 + young.Instructors + adults,
        Young = young,
    };

    private static BookingFacts Facts(string hazard) => new()
    {
        RigOfChannel = new Dictionary<string, RigFacts> { ["rigs/r/channels/1"] = new RigFacts("rigs/r", "labs/a", hazard, 0, false, 0, false) },
        Labs = new Dictionary<string, LabFacts> { ["labs/a"] = new LabFacts("labs/a", DateTimeZoneProviders.Tzdb["Europe/Oslo"], [], []) },
        HazardOrder = Hazards,
        YoungPeople = new Dictionary<string, IReadOnlyList<YoungPeoplePolicy>> { ["labs/a"] = Norway },
    };
}
