using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>The test object is no more hazardous than the rig is approved for.</summary>
public sealed class HazardRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (facts.TestObject is not { } cell) yield break;
        var worst = facts.HazardRank(cell.HazardClass);
        foreach (var rig in facts.RigsOf(request).Where(r => r.HazardClass.Length > 0 && facts.HazardRank(r.HazardClass) < worst))
            yield return new Violation("HAZARD_ABOVE_RIG", "hazard",
                $"{cell.Name} is of hazard class {cell.HazardClass}; {rig.Name} is approved up to {rig.HazardClass}. Choose a rig approved for {cell.HazardClass}.")
            {
                Limit = rig.HazardClass,
                Actual = cell.HazardClass,
                Resource = rig.Name,
            };
    }
}
