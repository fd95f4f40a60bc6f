using NodaTime;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>Whom the law sets apart from adults, and from each other.</summary>
public enum AgeBand
{
    /// <summary>Below 15 years, or still of compulsory school age.</summary>
    Under15,

    /// <summary>From 15 to 17 years, and past compulsory school.</summary>
    From15To17,
}

/// <summary>Who of the people on site is not yet 18, and who teaches them.</summary>
/// <param name="Under15">Of the first band.</param>
/// <param name="From15To17">Of the second band.</param>
/// <param name="Instructors">Adults who teach and watch.</param>
/// <param name="Track">Code of the list "training-track": what they are there for.</param>
public sealed record YoungPeople(int Under15, int From15To17, int Instructors, string Track)
{
    /// <summary>How many of a band.</summary>
    public int Of(AgeBand band) => band == AgeBand.Under15 ? Under15 : From15To17;
}

/// <summary>What one band may do on one track.</summary>
/// <param name="Band">Whom it speaks of.</param>
/// <param name="Track">Code of the list "training-track"; "*" = any.</param>
/// <param name="HazardUpTo">Code of the list "hazard-class": the worst that they may meet under this row.</param>
/// <param name="LearnersPerInstructor">Learners that one instructor may watch there, at least 1.</param>
/// <param name="WatchedBy">Where it stands that somebody must watch; empty = in this policy only.</param>
public sealed record YoungPeopleRow(AgeBand Band, string Track, string HazardUpTo, int LearnersPerInstructor, string WatchedBy = "")
{
    /// <summary>True when it speaks of the track.</summary>
    public bool IsFor(string track) => Track == "*" || Track == track;
}

/// <summary>What young people may do, from a day on until the next policy of the country begins.</summary>
/// <param name="Id">Its name, e.g. "no-2026-11".</param>
/// <param name="From">First day, in the lab's own calendar.</param>
/// <param name="Rows">What is allowed; what no row allows is refused.</param>
/// <param name="AgeParagraph">Where it stands that the first band may not, whatever they are there for.</param>
/// <param name="TrackParagraph">Where it stands that the second band may only in training.</param>
public sealed record YoungPeoplePolicy(string Id, LocalDate From, IReadOnlyList<YoungPeopleRow> Rows, string AgeParagraph, string TrackParagraph)
{
    /// <summary>The policy in force on a day; null before the first.</summary>
    public static YoungPeoplePolicy? On(LocalDate day, IEnumerable<YoungPeoplePolicy> policies) => policies.Where(p => p.From <= day).MaxBy(p => p.From);
}
