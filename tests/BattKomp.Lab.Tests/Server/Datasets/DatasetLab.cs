using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Datasets;

/// <summary>A server that holds one run of the doctoral student's with records in the store.</summary>
public sealed class DatasetLab : IAsyncDisposable
{
    public const string Run = "runs/l1";

    private DatasetLab(TestLab lab) => Lab = lab;

    public TestLab Lab { get; }

    public ITelemetryStore Store => Lab.Services.GetRequiredService<ITelemetryStore>();

    public static async Task<DatasetLab> StartAsync(VisibilityKind visibility = VisibilityKind.Open, RunStage stage = RunStage.Running)
    {
        var (lab, _) = await IngestLab.StartAsync();
        var made = new DatasetLab(lab);
        await made.AddRunAsync(Run, visibility, stage);
        return made;
    }

    public Task AddRunAsync(string name, VisibilityKind visibility, RunStage stage, string booking = "") => WriteAsync(tx => RunRegister.AddAsync(tx, new RunRow
    {
        Name = name,
        Channel = TestSeed.EbcChannel,
        Lab = TestSeed.Lab,
        Agent = TestSeed.AgentName,
        Lease = "leases/" + name.Split('/')[1],
        Booking = booking,
        Holder = "persons/doctoral",
        Owner = "organisations/university",
        Visibility = new Visibility { Kind = visibility },
        Stage = stage,
        ProcedureSha256 = new string('b', 64),
        Procedure = "procedures/p/versions/1",
        Calibrations = ["calibrations/ebc-1-v"],
    }, TestContext.Current.CancellationToken));

    public Task SetStageAsync(RunStage stage) => WriteAsync(tx =>
        tx.ExecuteAsync("UPDATE runs SET state = @s WHERE name = @n", TestContext.Current.CancellationToken, ("s", stage.ToString().ToUpperInvariant()), ("n", Run)));

    /// <summary>Sends entries as the agent and waits for every acknowledgement.</summary>
    public async Task IngestAsync(params Entry[] entries)
    {
        using var line = await IngestLine.OpenAsync(Lab);
        await line.SendAsync(entries);
        Assert.All(await line.EndAsync(), r => Assert.False(r.Ack is { Quarantined: true }));
    }

    public DatasetService.DatasetServiceClient As(string token) => new(Lab.As(token));

    public ValueTask DisposeAsync() => Lab.DisposeAsync();

    private Task WriteAsync(Func<CalendarTransaction, Task> work) =>
        Lab.Services.GetRequiredService<CalendarDatabase>().WriteAsync(work, TestContext.Current.CancellationToken);
}
