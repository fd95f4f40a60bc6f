using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>The people on site have room at the benches of the booked rigs.</summary>
public sealed class BenchRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        var rigs = facts.RigsOf(request).ToList();
        if (request.Presence != Presence.OnSite || rigs.Count == 0 || rigs.Any(r => r.Benches == 0)) yield break;
        var room = rigs.Sum(r => r.Benches) * facts.Limits.PersonsPerBench;
        if (request.Headcount <= room) yield break;
        yield return new Violation("TOO_MANY_PERSONS", "benches",
            $"{request.Headcount} persons do not fit: the booked rigs have {rigs.Sum(r => r.Benches)} benches for {facts.Limits.PersonsPerBench} persons each. Split the group or add a rig.")
        {
            Limit = $"{room} persons",
            Actual = $"{request.Headcount} persons",
        };
    }
}
