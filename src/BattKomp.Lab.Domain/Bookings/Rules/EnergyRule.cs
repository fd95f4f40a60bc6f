using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>The test object holds no more energy than the rig is built for.</summary>
public sealed class EnergyRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (facts.TestObject is not { } cell) yield break;
        foreach (var rig in facts.RigsOf(request).Where(r => r.MaxWattHour > 0 && cell.NominalWattHour > r.MaxWattHour))
            yield return new Violation("ENERGY_ABOVE_RIG", "energy",
                $"{cell.Name} holds {Sentences.Of(cell.NominalWattHour, "Wh")}; {rig.Name} takes at most {Sentences.Of(rig.MaxWattHour, "Wh")}. Choose a larger rig.")
            {
                Limit = Sentences.Of(rig.MaxWattHour, "Wh"),
                Actual = Sentences.Of(cell.NominalWattHour, "Wh"),
                Resource = rig.Name,
            };
    }
}
