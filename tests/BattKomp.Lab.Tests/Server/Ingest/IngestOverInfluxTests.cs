using System.Net;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Tests.Server.Runs;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using State = BattKomp.Lab.V1.ChannelReport.Types.State;

namespace BattKomp.Lab.Tests.Server.Ingest;

/// <summary>The whole path with records in InfluxDB: the same server, the agent's own journal and uplink, one setting.</summary>
public sealed class IngestOverInfluxTests
{
    private const int Batches = 400, Batch = 25;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_run_reaches_its_sealed_dataset_though_InfluxDB_is_killed_and_frozen_on_the_way()
    {
        await using var influx = await InfluxServer.StartAsync();
        await using var lab = await RunLab.StartAsync(settings: o => (o.Telemetry.Store, o.Telemetry.Influx.Url) = ("influx", influx.Url));
        await lab.BookAsync();
        await lab.SweepAsync<LeaseIssue>();
        await using var agent = await ScriptedAgent.ConnectAsync(lab.Lab);
        var lease = await agent.TakeLeaseAsync();
        var run = lease.Channels[0].Run;
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Energised);
        await lab.AwaitStateAsync(run, RunState.RunningNow);

        await DeliverAsync(lab, influx, lab.Opened(IngestLab.Key(), TestSeed.EbcChannel, lease.Name, run));
        await agent.ReportAsync(TestSeed.EbcChannel, run, State.Ended, "finished");
        await lab.AwaitStateAsync(run, RunState.Ended);
        await lab.SweepAsync<RunFinal>();

        var final = await lab.RunAsync(run);
        Assert.Equal((RunState.Final, (long)Batches * Batch), (final.State, final.RecordsStored));
        Assert.Equal(Batches * Batch, Assert.Single(final.Segments).Records);
        var dataset = await new DatasetService.DatasetServiceClient(lab.Lab.As(TestSeed.DoctoralStudent)).CreateDatasetAsync(
            new CreateDatasetRequest { Dataset = new Dataset { Of = run } }, cancellationToken: Cancel);
        Assert.Equal(DatasetState.Sealed, dataset.State);
        var account = dataset.Completeness[0];
        Assert.Equal($"expected {Batches * Batch + 1}, stored {Batches * Batch + 1}, gaps: none", account.Sentence);
        Assert.Equal((Batches * Batch, 0), (account.Records, account.Duplicates));
    }

    private static async Task DeliverAsync(RunLab lab, InfluxServer influx, Entry opened)
    {
        using var folder = new TempFolder();
        using var journal = AgentJournal.Open(new PhysicalDisk(folder.File("journal")));
        using var stop = new CancellationTokenSource();
        var uplink = new IngestUplink(journal, lab.Lab.As(TestSeed.Agent), TestSeed.AgentName, "b1", TimeProvider.System).RunAsync(stop.Token);
        var stream = AgentJournal.NewStream(IngestLab.Key());
        await journal.Append(stream, opened);
        for (var batch = 0; batch < Batches; batch++)
        {
            await journal.Append(stream, IngestLab.Records(IngestLab.Key(), 1 + batch * Batch, (batch + 1) * Batch));
            // Records go on arriving after the kill, so that the server has something to fail with.
            if (batch == 100) await influx.KillAsync();
            if (batch == 150) await ReviveAsync(lab, influx);
            if (batch == 250) await FreezeAsync(influx);
        }

        await journal.Append(stream, new Entry { Closed = new StreamClosed { Reason = "finished" } });
        await Eventually.Async(() => journal.AckCursor.CompareTo(journal.End) >= 0, TimeSpan.FromSeconds(60), "everything is acknowledged");
        await stop.CancelAsync();
        await uplink;
    }

    private static async Task ReviveAsync(RunLab lab, InfluxServer influx)
    {
        using var http = lab.Lab.HttpAs("");
        await Eventually.Async(async () => (await http.GetAsync(new Uri("/health", UriKind.Relative), Cancel)).StatusCode == HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(20), "/health says so");
        await influx.RunAsync();
        await Eventually.Async(async () => (await http.GetAsync(new Uri("/health", UriKind.Relative), Cancel)).IsSuccessStatusCode, TimeSpan.FromSeconds(20), "/health says that it is back");
    }

    private static async Task FreezeAsync(InfluxServer influx)
    {
        influx.Freeze();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(3));
        await timer.WaitForNextTickAsync(Cancel);
        influx.Thaw();
    }

    [Fact]
    public void Wrong_settings_are_named_all_at_once()
    {
        var options = new LabOptions();
        options.Telemetry.Store = "influx";
        (options.Telemetry.Influx.Url, options.Telemetry.Influx.Database, options.Telemetry.Influx.MaxSeries) = ("ftp://x", "", 1);
        var mistakes = options.Mistakes();
        Assert.Equal(3, mistakes.Count);
        Assert.Contains(mistakes, m => m.StartsWith("Telemetry:Influx:Url 'ftp://x' is not an address", StringComparison.Ordinal));
        options.Telemetry.Store = "mongo";
        Assert.Equal(["Telemetry:Store 'mongo' is unknown: use duckdb or influx."], options.Mistakes());
        options = new LabOptions();
        options.Telemetry.Store = "influx";
        (options.Telemetry.Influx.Bucket, options.Telemetry.Influx.RetentionHours) = ("records", 24);
        Assert.Contains("LedgerBucket", Assert.Single(options.Mistakes()));
    }
}
