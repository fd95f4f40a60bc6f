using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Datasets;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>runs.proto on the wire.</summary>
public sealed class RunServiceHandler(
    RunRegister runs, RunViews views, RunWatch watch, RunEvents events, RunGaps gaps, Stops stops, CellTests.CellTests cellTests, Catalogue.Catalogue catalogue, ITelemetryStore store,
    CalendarDatabase database, Policy policy) : RunService.RunServiceBase
{
    /// <inheritdoc/>
    public override Task<CellTest> CreateCellTest(CreateCellTestRequest request, ServerCallContext context) =>
        cellTests.CreateAsync(context.Person(), context.Method, request, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<CellTest> GetCellTest(GetCellTestRequest request, ServerCallContext context) =>
        await WithRunsAsync(context, await cellTests.GetAsync(context.Caller(), request.Name, context.CancellationToken));

    /// <inheritdoc/>
    public override async Task<ListCellTestsResponse> ListCellTests(ListCellTestsRequest request, ServerCallContext context)
    {
        var response = await cellTests.ListAsync(context.Caller(), request, context.CancellationToken);
        foreach (var test in response.CellTests) await WithRunsAsync(context, test);
        return response;
    }

    /// <inheritdoc/>
    public override async Task<Run> GetRun(GetRunRequest request, ServerCallContext context)
    {
        var (run, level) = await views.GetAsync(context.Caller(), request.Name, context.CancellationToken);
        var message = await views.MessageAsync(run, level, context.CancellationToken);
        if (level == ViewLevel.Full) message.RecordsStored = (await store.CountAsync(run.Name, context.CancellationToken)).Records;
        return message;
    }

    /// <inheritdoc/>
    public override async Task<ListRunsResponse> ListRuns(ListRunsRequest request, ServerCallContext context)
    {
        var cancel = context.CancellationToken;
        var caller = context.Caller();
        var condition = ConditionOf(request.Of);
        var (page, next) = await VisiblePage.ReadAsync(
            (after, limit) => database.ReadAsync(tx => RunStore.AfterAsync(tx, condition, request.Of, request.ActiveOnly, after, limit, cancel), cancel),
            run => views.LevelOf(caller, run) != ViewLevel.Hidden, run => run.Name, Paging.Size(request.PageSize, 100, 500), Paging.After(request.PageToken));
        var response = new ListRunsResponse { NextPageToken = next };
        foreach (var run in page) response.Runs.Add(await views.MessageAsync(run, views.LevelOf(caller, run), cancel));
        return response;
    }

    /// <inheritdoc/>
    public override Task WatchRun(WatchRunRequest request, IServerStreamWriter<RunUpdate> responseStream, ServerCallContext context) =>
        watch.RunAsync(context.Caller(), request, responseStream, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<Completeness> GetCompleteness(GetCompletenessRequest request, ServerCallContext context)
    {
        var (run, _) = await views.GetAsync(context.Caller(), request.Name, context.CancellationToken);
        return CompletenessMap.ToProto(await RunCompleteness.OfAsync(store, run.Name, context.CancellationToken));
    }

    /// <inheritdoc/>
    public override Task<ListGapsResponse> ListGaps(ListGapsRequest request, ServerCallContext context) => gaps.PageAsync(context.Caller(), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ListRunEventsResponse> ListRunEvents(ListRunEventsRequest request, ServerCallContext context) =>
        events.PageAsync(context.Caller(), request, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<StopResult> StopRun(StopRunRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var (run, _) = await views.GetAsync(person, request.Name, context.CancellationToken);
        policy.RequireHolderOrStaff(person, run.Holder, run.Lab, $"stop {run.Name}");
        return await stops.RunAsync(
            new StopWish(person, context.Method, request, request.RequestId, request.Mode, request.Reason, request.WaitSeconds), run, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<StopResult> StopRig(StopRigRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var rig = (await catalogue.GetAsync(context.CancellationToken)).Rig(request.Name) ?? throw LabErrors.NotFound(request.Name);
        policy.RequireStaff(person, rig.Lab, $"stop {rig.Name}");
        return await stops.RigsAsync(
            new StopWish(person, context.Method, request, request.RequestId, request.Mode, request.Reason, request.WaitSeconds), rig.Name, [rig], context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<StopResult> StopLab(StopLabRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var snapshot = await catalogue.GetAsync(context.CancellationToken);
        var lab = snapshot.Lab(request.Name) ?? throw LabErrors.NotFound(request.Name);
        policy.RequireStaff(person, lab.Name, $"stop {lab.Name}");
        return await stops.RigsAsync(
            new StopWish(person, context.Method, request, request.RequestId, request.Mode, request.Reason, request.WaitSeconds), lab.Name,
            [.. snapshot.Rigs.Where(r => r.Lab == lab.Name)], context.CancellationToken);
    }

    /// <inheritdoc/>
    public override async Task<Rig> ReleaseRig(ReleaseRigRequest request, ServerCallContext context)
    {
        var person = context.Person();
        var rig = (await catalogue.GetAsync(context.CancellationToken)).Rig(request.Name) ?? throw LabErrors.NotFound(request.Name);
        policy.RequireManager(person, rig.Lab, $"release {rig.Name}");
        return await stops.ReleaseAsync(person, context.Method, request, rig, context.CancellationToken);
    }

    private async Task<CellTest> WithRunsAsync(ServerCallContext context, CellTest test)
    {
        var all = await runs.OfCellTestAsync(test.Name, context.CancellationToken);
        test.Runs.Add(all.Where(r => views.LevelOf(context.Caller(), r) == ViewLevel.Full).Select(r => r.Name));
        return test;
    }

    private static string ConditionOf(string of) => of switch
    {
        "" => "@v = ''",
        _ when ResourceNames.Is(of, "bookings") => "booking = @v",
        _ when ResourceNames.Is(of, "cellTests") => "cell_test = @v",
        _ when ResourceNames.Is(of, "rigs") => "rig = @v",
        _ when ResourceNames.Is(of, "rigs", "channels") => "channel = @v",
        _ => throw LabErrors.FieldsInvalid([("of", $"is '{of}'; use bookings/…, cellTests/…, rigs/… or rigs/…/channels/….")]),
    };
}
