using System.Text.Json.Nodes;
using BattKomp.Lab.Tests.Cli;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Runs;

/// <summary>The account of a run with holes, an outage and something kept aside: by RPC, in the manifest, on the page and on the command line.</summary>
public sealed class CompletenessTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gaps_are_listed_page_by_page_and_stream_by_stream()
    {
        await using var lab = await RunLab.StartAsync();
        var run = await HoledAsync(lab);
        var staff = lab.Runs(TestSeed.LabManager);
        var pages = new List<Gap>();
        var request = new ListGapsRequest { Name = run, PageSize = 2 };
        do
        {
            var page = await staff.ListGapsAsync(request, cancellationToken: Cancel);
            Assert.InRange(page.Gaps.Count, 1, 2);
            pages.AddRange(page.Gaps);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        Assert.Equal([("s1", 6L, 9L), ("s1", 16L, 16L), ("s2", 3L, 4L)], pages.Select(g => (g.Stream.Split('/')[^1], g.First, g.Last)));
        var one = await staff.ListGapsAsync(new ListGapsRequest { Name = run, Stream = pages[2].Stream }, cancellationToken: Cancel);
        Assert.Equal([pages[2]], one.Gaps);
        await Refused.WithAsync(Reason.ResourceNotFound, () => staff.ListGapsAsync(new ListGapsRequest { Name = run, Stream = "agents/x/y/z" }, cancellationToken: Cancel).ResponseAsync);
        await Refused.WithAsync(Reason.FieldsInvalid, () => staff.ListGapsAsync(new ListGapsRequest { Name = run, PageToken = "guess" }, cancellationToken: Cancel).ResponseAsync);
    }

    [Fact]
    public async Task The_certificate_says_per_stream_what_is_missing_why_it_closed_its_ledger_and_from_where_it_is_proved()
    {
        await using var lab = await RunLab.StartAsync();
        var run = await HoledAsync(lab);
        var account = await lab.Runs(TestSeed.LabManager).GetCompletenessAsync(new GetCompletenessRequest { Name = run }, cancellationToken: Cancel);
        Assert.Equal((21L, 16L, "finished", "agent"), (account.Streams[0].Expected, account.Streams[0].Stored, account.Streams[0].CloseReason, account.Streams[0].ProvedFrom));
        Assert.Equal((-1L, 4L, "", "device_counter"), (account.Streams[1].Expected, account.Streams[1].Stored, account.Streams[1].CloseReason, account.Streams[1].ProvedFrom));
        Assert.All(account.Streams, s => Assert.Matches("^[0-9a-f]{64}$", s.LedgerSha256));
        Assert.NotEqual(account.Streams[0].LedgerSha256, account.Streams[1].LedgerSha256);
        Assert.Equal("port_lost", Assert.Single(account.Outages).Cause);
        Assert.Equal(1, account.Quarantined);
        Assert.Equal(2, Assert.Single(account.Quarantine).Sequence);

        var datasets = new DatasetService.DatasetServiceClient(lab.Lab.As(TestSeed.LabManager));
        var made = await datasets.CreateDatasetAsync(new CreateDatasetRequest { Dataset = new Dataset { Of = run } }, cancellationToken: Cancel);
        using var http = lab.Lab.HttpAs(TestSeed.LabManager);
        var manifest = JsonNode.Parse(await http.GetStringAsync($"/v1/{made.Name}/files/manifest.json", Cancel))!;
        var stream = manifest["runs"]![0]!["completeness"]!["streams"]![0]!;
        Assert.Equal(("finished", "agent", "21", "16"), ((string)stream["close_reason"]!, (string)stream["proved_from"]!, (string)stream["expected"]!, (string)stream["stored"]!));
        Assert.Equal(64, ((string)stream["ledger_sha256"]!).Length);
        Assert.Equal(made.Name, (await datasets.CreateDatasetAsync(new CreateDatasetRequest { Dataset = new Dataset { Of = run } }, cancellationToken: Cancel)).Name);
    }

    [Fact]
    public async Task The_page_and_the_command_line_tell_the_same_account()
    {
        await using var lab = await RunLab.StartAsync();
        var run = await HoledAsync(lab);
        using var page = lab.Lab.HttpAs(TestSeed.LabManager);
        var shown = System.Net.WebUtility.HtmlDecode(await page.GetStringAsync("/gaps?run=" + Uri.EscapeDataString(run), Cancel));
        foreach (var part in (string[])["gaps: 7 missing in 3 ranges", "6–9, 16", "port_lost", "not closed yet", "the device's own counter", "<th scope=\"row\"", "<caption>"])
            Assert.Contains(part, shown, StringComparison.Ordinal);
        Assert.Contains("/gaps?run=", await page.GetStringAsync("/", Cancel), StringComparison.Ordinal);
        var account = await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.LabManager, "runs", "completeness", run);
        Assert.Contains("NOT complete", account.Text, StringComparison.Ordinal);
        Assert.Contains("outage: port_lost", account.Text, StringComparison.Ordinal);
        var gaps = await Battlab.AsAsync(lab.Lab.GrpcAddress, TestSeed.LabManager, "runs", "gaps", run);
        Assert.Contains("3 gaps, 7 sequences missing:", gaps.Text, StringComparison.Ordinal);
        Assert.Contains("s1: 6 to 9", gaps.Text, StringComparison.Ordinal);
    }

    // s1: 0…20 closed without 6–9 and 16; s2: open, 3–4 missing, with a device counter; one entry told again with other content.
    private static async Task<string> HoledAsync(RunLab lab)
    {
        var (first, second) = (IngestLab.Key("s1"), IngestLab.Key("s2"));
        var outage = new Entry
        {
            Key = first,
            FirstSeq = 10,
            Event = new StreamEvent { Kind = StreamEvent.Types.Kind.Outage, UtcNs = IngestLab.Anchor + 10_000_000, UntilUtcNs = IngestLab.Anchor + 11_000_000, Cause = "port_lost" },
        };
        var conflicting = IngestLab.Records(first, 2, 2);
        conflicting.Batch.Columns[0].Values[0] = 9.9;
        using var line = await IngestLine.OpenAsync(lab.Lab);
        await line.SendAsync(lab.Opened(first, TestSeed.EbcChannel, "", ""), IngestLab.Records(first, 1, 5), outage, IngestLab.Records(first, 11, 15), IngestLab.Records(first, 17, 20),
            conflicting, IngestLab.Closed(first, 20));
        var opened = lab.Opened(second, TestSeed.EbcChannel, "", "");
        opened.Opened.Previous = first;
        await line.SendAsync(opened, Counted(second, 1, 2), Counted(second, 5, 5));
        await line.EndAsync();
        return Assert.Single((await lab.Runs(TestSeed.LabManager).ListRunsAsync(new ListRunsRequest { Of = TestSeed.EbcChannel }, cancellationToken: Cancel)).Runs).Name;
    }

    private static Entry Counted(StreamKey key, long first, long last)
    {
        var entry = IngestLab.Records(key, first, last);
        entry.Batch.Columns.Add(new Column { Signal = "device_counter", Values = { Enumerable.Range((int)first, (int)(last - first + 1)).Select(n => (double)n) } });
        return entry;
    }
}
