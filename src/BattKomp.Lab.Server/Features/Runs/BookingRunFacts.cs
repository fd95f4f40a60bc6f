using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>What bookings ask of cell tests and runs.</summary>
public sealed class BookingRunFacts(CellTests.CellTests cellTests, TestObjects testObjects, Procedures.Procedures procedures, RunRegister runs) : IRunFacts
{
    /// <inheritdoc/>
    public async Task<TestObjectFacts?> TestObjectAsync(PersonCaller caller, string cellTest, CancellationToken cancel)
    {
        try
        {
            var test = await cellTests.GetAsync(caller, cellTest, cancel);
            return await testObjects.FindAsync(test.TestObject, cancel) is { } o ? new TestObjectFacts(o.Name, o.HazardClass, o.NominalWattHour)
            {
                Kind = o.Kind,
                Chemistry = o.Chemistry,
                NominalAmpereHour = o.NominalAmpereHour,
            } : null;
        }
        catch (LabException e) when (e.Reason is Reason.ResourceNotFound)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<ProgramFacts?> ProgramAsync(PersonCaller caller, string procedure, CancellationToken cancel)
    {
        try
        {
            var found = await procedures.GetAsync(caller, procedure, cancel);
            return found.Program.Steps.Count == 0 ? null
                : new ProgramFacts(found.Name, Procedures.ProgramDemands.Of(found.Program), Procedures.ProgramDemands.LongestSeconds(found.Program));
        }
        catch (LabException e) when (e.Reason is Reason.ResourceNotFound)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> RunsOfAsync(string booking, CancellationToken cancel) =>
        [.. (await runs.OfBookingAsync(booking, cancel)).Select(r => r.Name)];
}
