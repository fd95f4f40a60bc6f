using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Bookings;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>What bookings ask of the slice that owns cell tests and runs; that slice registers it.</summary>
public interface IRunFacts
{
    /// <summary>The test object of a cell test that the caller may see; null when the cell test is absent or hidden.</summary>
    Task<TestObjectFacts?> TestObjectAsync(PersonCaller caller, string cellTest, CancellationToken cancel);

    /// <summary>What the rules need of a procedure that the caller may see; null when it is absent, hidden or a vendor's.</summary>
    Task<ProgramFacts?> ProgramAsync(PersonCaller caller, string procedure, CancellationToken cancel);

    /// <summary>runs/… made from a booking, in order.</summary>
    Task<IReadOnlyList<string>> RunsOfAsync(string booking, CancellationToken cancel);
}
