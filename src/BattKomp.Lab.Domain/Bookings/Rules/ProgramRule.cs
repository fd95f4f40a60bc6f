using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using NodaTime;

namespace BattKomp.Lab.Domain.Bookings.Rules;

/// <summary>
/// The procedure stays within what each channel allows, or it would get no lease, and within the voltages of the cell's chemistry.
/// </summary>
public sealed class ProgramRule : IBookingRule
{
    /// <inheritdoc/>
    public IEnumerable<Violation> Evaluate(Instant now, BookingRequest request, BookingFacts facts)
    {
        if (facts.Program is not { } program) yield break;
        foreach (var channel in request.Channels.Distinct().Order(StringComparer.Ordinal))
            if (facts.Allowed.TryGetValue(channel, out var allowed))
                foreach (var beyond in LeaseContent.Beyond(program.Demands, allowed))
                    yield return new Violation("PROCEDURE_BEYOND_CHANNEL", "program", $"{program.Name} {beyond.Asks}; {channel} allows {beyond.Allowed}. Use another channel or procedure.")
                    {
                        Limit = beyond.Allowed,
                        Actual = beyond.Asked,
                        Resource = channel,
                    };
        if (facts.TestObject is not { Kind: "cell" } cell || Chemistries.VoltsOf(cell.Chemistry) is not { } volts) yield break;
        foreach (var beyond in LeaseContent.Beyond(program.Demands, new Ratings(volts.Max, 0, 0, 0) { MinVolt = volts.Min }))
            yield return new Violation("PROCEDURE_BEYOND_CHEMISTRY", "program", $"{program.Name} {beyond.Asks}; a {cell.Chemistry} cell such as {cell.Name} takes {beyond.Allowed}. Correct the procedure.")
            {
                Limit = beyond.Allowed,
                Actual = beyond.Asked,
                OverridableBy = Roles.LabManager,
                Resource = cell.Name,
            };
    }
}
