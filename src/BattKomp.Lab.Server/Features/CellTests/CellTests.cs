using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Procedures;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Server.Platform.Idempotency;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.CellTests;

/// <summary>Registers the slice.</summary>
public static class CellTestsFeature
{
    /// <summary>Cell tests; their calls stand in RunService.</summary>
    public static IServiceCollection AddCellTests(this IServiceCollection services) => services.AddSingleton<CellTests>();
}

/// <summary>Cell tests: one test object under one procedure for one owner. The slice's one public interface; `runs` is filled by the runs slice.</summary>
public sealed class CellTests(CalendarDatabase database, RequestLog requests, TestObjects testObjects, Procedures.Procedures procedures, MachineClock clock)
{
    /// <summary>The cell test, whoever asks; null when it does not exist. For the server's own decisions.</summary>
    public async Task<CellTest?> FindAsync(string name, CancellationToken cancel) =>
        (await database.ReadAsync(tx => CellTestStore.FindAsync(tx, name, cancel), cancel))?.CellTest;

    /// <summary>The cell test as the caller may see it.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND when absent or hidden.</exception>
    public async Task<CellTest> GetAsync(Caller caller, string name, CancellationToken cancel)
    {
        var row = await database.ReadAsync(tx => CellTestStore.FindAsync(tx, name, cancel), cancel);
        return row is not null && Sees(caller, row) ? row.CellTest : throw LabErrors.NotFound(name);
    }

    /// <summary>A page of the cell tests that the caller may see, by name.</summary>
    public async Task<ListCellTestsResponse> ListAsync(Caller caller, ListCellTestsRequest request, CancellationToken cancel)
    {
        var (page, next) = await VisiblePage.ReadAsync(
            (after, limit) => database.ReadAsync(tx => CellTestStore.AfterAsync(tx, after, limit, cancel), cancel),
            row => Sees(caller, row), row => row.CellTest.Name, Paging.Size(request.PageSize, 50, 200), Paging.After(request.PageToken));
        return new ListCellTestsResponse { CellTests = { page.Select(r => r.CellTest) }, NextPageToken = next };
    }

    /// <summary>Creates a cell test, once per request_id; with validate_only answers the same and keeps nothing.</summary>
    public async Task<CellTest> CreateAsync(PersonCaller person, string method, CreateCellTestRequest request, CancellationToken cancel)
    {
        var made = (request.CellTest ?? new CellTest()).Clone();
        await CheckAsync(person, request, made, cancel);
        made.Name = "cellTests/" + (request.CellTestId.Length > 0 ? request.CellTestId : Guid.CreateVersion7().ToString("N"));
        made.Owner = person.Affiliations[0].Organisation;
        made.Visibility ??= new V1.Visibility { Kind = V1.VisibilityKind.Open };
        made.Continuation = made.Continuation.Length > 0 ? made.Continuation : "restart";
        made.Runs.Clear();
        var now = clock.Now;
        made.CreateTime = Timestamps.FromInstant(now);
        if (request.ValidateOnly)
        {
            if (await FindAsync(made.Name, cancel) is not null) throw LabErrors.Exists(made.Name);
            return made;
        }
        return await requests.OnceAsync(person.Name, method, request.RequestId, request, CellTest.Parser, async tx =>
        {
            if (!await CellTestStore.TryInsertAsync(tx, new CellTestRow(made, person.Name), Micros.FromInstant(now), cancel)) throw LabErrors.Exists(made.Name);
            return made;
        }, cancel);
    }

    private async Task CheckAsync(PersonCaller person, CreateCellTestRequest request, CellTest made, CancellationToken cancel)
    {
        var checks = new FieldChecks()
            .Require(request.CellTestId.Length == 0 || ResourceNames.IsId(request.CellTestId), "cell_test_id", "must be 1–63 of a–z, 0–9 and '-'.")
            .Require(made.Title.Length is > 0 and <= 200, "cell_test.title", "must be 1–200 characters.")
            .Require(ResourceNames.Is(made.TestObject, "testObjects"), "cell_test.test_object", "must be a name of the form testObjects/<id>.")
            .Require(ResourceNames.Is(made.Procedure, "procedures", "versions"), "cell_test.procedure", "must be a name of the form procedures/<id>/versions/<n>.")
            .Require(made.Continuation is "" or "restart" or "continue", "cell_test.continuation", $"is '{made.Continuation}'; use restart or continue.")
            .Require(made.Project.Length <= 200, "cell_test.project", "must be at most 200 characters.")
            .RequireVisibility(made.Visibility, "cell_test.visibility");
        AlarmChecks.Check(checks, made.Alarms, "cell_test.alarms");
        checks.ThrowIfAny();
        await testObjects.GetAsync(person, made.TestObject, cancel);
        await procedures.GetAsync(person, made.Procedure, cancel);
    }

    private bool Sees(Caller caller, CellTestRow row) => Views.View(
        caller, new Viewable(Visibilities.FromProto(row.CellTest.Visibility), row.CellTest.Owner, [row.Creator], ""), clock.Now) == ViewLevel.Full;
}
