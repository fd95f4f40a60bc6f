using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>Test objects for other slices.</summary>
public sealed class TestObjects(CalendarDatabase database, MachineClock clock)
{
    /// <summary>The test object, whoever asks; null when it does not exist. For the server's own decisions.</summary>
    public async Task<TestObject?> FindAsync(string name, CancellationToken cancel) =>
        (await database.ReadAsync(tx => TestObjectStore.FindAsync(tx, name, cancel), cancel))?.Object;

    /// <summary>The test object as the caller may see it.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND when absent or hidden.</exception>
    public async Task<TestObject> GetAsync(Caller caller, string name, CancellationToken cancel)
    {
        var row = await database.ReadAsync(tx => TestObjectStore.FindAsync(tx, name, cancel), cancel);
        return row is { } found && View(caller, found.Object, found.By) != ViewLevel.Hidden ? found.Object : throw LabErrors.NotFound(name);
    }

    private ViewLevel View(Caller caller, TestObject o, string by)
    {
        var lab = o.Custody.StartsWith("labs/", StringComparison.Ordinal) ? o.Custody : "";
        return Views.View(caller, new Viewable(Visibilities.FromProto(o.Visibility), o.Owner, [by], lab), clock.Now);
    }
}
