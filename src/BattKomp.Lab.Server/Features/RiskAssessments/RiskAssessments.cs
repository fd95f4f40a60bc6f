using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.RiskAssessments;

/// <summary>Registers the slice.</summary>
public static class RiskAssessmentsFeature
{
    /// <summary>Risk assessments and their handler.</summary>
    public static IServiceCollection AddRiskAssessments(this IServiceCollection services) => services
        .AddSingleton<IFactSource, RiskAssessments>().AddSingleton<RiskAssessmentServiceHandler>();
}

/// <summary>What the rules need of risk assessments.</summary>
internal sealed class RiskAssessments(CalendarDatabase database, CellTests.CellTests cellTests, MachineClock clock) : IFactSource
{
    /// <inheritdoc/>
    public async Task<BookingFacts> AddAsync(BookingFacts facts, Booking booking, CancellationToken cancel)
    {
        var rigs = facts.RigOfChannel.Values.Where(r => r.RiskAssessed).Select(r => r.Name).Distinct().ToList();
        if (rigs.Count == 0) return facts;
        // Whoever asks: an approver who may not see the cell test must not turn it into one that nobody assessed.
        var test = booking.CellTest.Length > 0 ? await cellTests.FindAsync(booking.CellTest, cancel) : null;
        return await database.ReadAsync(async tx =>
        {
            var known = new List<Domain.Bookings.RiskAssessment>();
            foreach (var rig in rigs) known.AddRange((await RiskAssessmentStore.InSightAsync(tx, rig, Micros.FromInstant(clock.Now), cancel)).Select(r => r.Known));
            return facts with { Risks = new RiskFacts(test?.TestObject ?? "", booking.Procedure, known) };
        }, cancel);
    }
}
