using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>The test object is no more hazardous than the rig is approved for.</summary>
public sealed class HazardRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (facts.TestObject is not { } cell) yield break;
        var worst = Rank(facts, cell.HazardClass);
        foreach (var rig in facts.RigsOf(request).Where(r => r.HazardClass.Length > 0 && Rank(facts, r.HazardClass) < worst))
            yield return new Violation("HAZARD_ABOVE_RIG", "hazard",
                $"{cell.Name} is of hazard class {cell.HazardClass}; {rig.Name} is approved up to {rig.HazardClass}. Choose a rig approved for {cell.HazardClass}.")
            {
                Limit = rig.HazardClass,
                Actual = cell.HazardClass,
                Resource = rig.Name,
            };
    }

    // A class that the list does not know is taken as the worst.
    private static int Rank(BookingFacts facts, string code)
    {
        for (var i = 0; i < facts.HazardOrder.Count; i++)
            if (facts.HazardOrder[i] == code) return i;
        return int.MaxValue;
    }
}
