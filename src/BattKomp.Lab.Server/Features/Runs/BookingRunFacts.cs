using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>What bookings ask of cell tests and runs.</summary>
public sealed class BookingRunFacts(CellTests.CellTests cellTests, TestObjects testObjects, RunRegister runs) : IRunFacts
{
    /// <inheritdoc/>
    public async Task<TestObjectFacts?> TestObjectAsync(PersonCaller caller, string cellTest, CancellationToken cancel)
    {
        try
        {
            var test = await cellTests.GetAsync(caller, cellTest, cancel);
            return await testObjects.FindAsync(test.TestObject, cancel) is { } o ? new TestObjectFacts(o.Name, o.HazardClass, o.NominalWattHour) : null;
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
