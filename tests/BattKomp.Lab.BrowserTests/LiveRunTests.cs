using System.Globalization;
using System.Text;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Xunit;

namespace BattKomp.Lab.BrowserTests;

public sealed class LiveRunTests(Chromium chromium)
{
    [Fact]
    public async Task Records_reach_the_page_while_the_agent_sends_them()
    {
        await using var lab = await TestLab.StartAsync();
        var key = IngestLab.Key();
        using var line = await IngestLine.OpenAsync(lab);
        await line.SendAsync(IngestLab.Opened(key, lease: ""), IngestLab.Records(key, 1, 500));
        await line.AckOfAsync(key, 500);
        var page = await chromium.PageAsync(lab.Http);
        var complaints = page.Complaints();
        await page.SignInAsync(TestSeed.LabManager);

        // First what is stored already, then what comes.
        await Eventually.Async(async () => await page.Locator("#live-time").InnerTextAsync() == "0.5 s", TimeSpan.FromSeconds(20), "the stored records on the page");
        await line.SendAsync(IngestLab.Records(key, 501, 9000));
        // The feed thins to ten points a second of record time, so the very last record may not be among them.
        await Eventually.Async(async () => await SecondsAsync(page) > 8, TimeSpan.FromSeconds(20), "the live records on the page");

        Assert.Equal("Live", await page.Locator("#live-status").InnerTextAsync());
        Assert.Contains("no_lease", await page.Locator("body").InnerTextAsync());
        await page.HoldsUpAsync(complaints);
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(320)]
    public async Task A_run_is_drawn_and_its_latest_values_stand_in_a_table(int width)
    {
        await using var lab = await TestLab.StartAsync(configure: b => b.Services.AddSingleton<RunService.RunServiceBase>(new ScriptedRuns()));
        var page = await chromium.PageAsync(lab.Http, width);
        var complaints = page.Complaints();
        await page.RouteAsync("**/v1/runs/r1:watch?**", route => route.FulfillAsync(new RouteFulfillOptions { ContentType = "application/json", Body = Watch() }));

        await page.SignInAsync(TestSeed.LabManager);

        await page.GetByText("The run is over; these are its last values.").WaitForAsync();
        await Eventually.Async(async () => await page.Locator("#live-voltage").InnerTextAsync() == "3.7990 V", TimeSpan.FromSeconds(5), "the last voltage in the table");
        // No value is a dash, not zero and not the word NaN.
        Assert.Equal("–", await page.Locator("#live-current").InnerTextAsync());
        Assert.Equal("99.0 s", await page.Locator("#live-time").InnerTextAsync());
        Assert.True(await page.EvaluateAsync<bool>("() => { const c = document.querySelector('#live-chart canvas'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v !== 0); }"));
        Assert.Contains("expected 100, stored 100, gaps: none", await page.Locator("body").InnerTextAsync());
        await page.PictureAsync($"live-{width}");
        await page.HoldsUpAsync(complaints);
    }

    [Fact]
    public async Task Stopping_asks_for_a_reason_first_and_tells_the_measured_time_to_safe()
    {
        var runs = new ScriptedRuns();
        await using var lab = await TestLab.StartAsync(configure: b => b.Services.AddSingleton<RunService.RunServiceBase>(runs));
        var page = await chromium.PageAsync(lab.Http);
        await page.RouteAsync("**/v1/runs/r1:watch?**", route => route.FulfillAsync(new RouteFulfillOptions { ContentType = "application/json", Body = Watch() }));
        var complaints = page.Complaints();
        await page.SignInAsync(TestSeed.LabManager);

        await page.GetByRole(AriaRole.Link, new() { Name = "Stop run" }).ClickAsync();
        await page.GetByLabel("Output off now").CheckAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop run" }).ClickAsync();
        Assert.Null(runs.Stopped);
        await page.GetByLabel("Reason").FillAsync("smell of solvent");
        await page.PictureAsync("stop");
        await page.HoldsUpAsync(complaints);
        await page.GetByRole(AriaRole.Button, new() { Name = "Stop run" }).ClickAsync();

        await page.GetByText("0.25 seconds to safe").WaitForAsync();
        Assert.Equal(("runs/r1", StopMode.Immediate, "smell of solvent"), (runs.Stopped!.Name, runs.Stopped.Mode, runs.Stopped.Reason));
        await page.HoldsUpAsync(complaints);
    }

    [Fact]
    public async Task Who_may_not_stop_a_run_is_not_offered_to()
    {
        await using var lab = await TestLab.StartAsync(configure: b => b.Services.AddSingleton<RunService.RunServiceBase>(new ScriptedRuns()));
        var page = await chromium.PageAsync(lab.Http);
        await page.RouteAsync("**/v1/runs/r1:watch?**", route => route.FulfillAsync(new RouteFulfillOptions { ContentType = "application/json", Body = Watch() }));

        await page.SignInAsync(TestSeed.IndustryEngineer);

        Assert.Equal(1, await page.GetByRole(AriaRole.Link, new() { Name = "Show live values" }).CountAsync());
        Assert.Equal(0, await page.GetByRole(AriaRole.Link, new() { Name = "Stop run" }).CountAsync());
    }

    private static async Task<double> SecondsAsync(IPage page) =>
        double.TryParse((await page.Locator("#live-time").InnerTextAsync()).Replace(" s", "", StringComparison.Ordinal), CultureInfo.InvariantCulture, out var seconds) ? seconds : 0;

    /// <summary>A hundred seconds of a charge, as the stream says it; the last current is missing.</summary>
    private static string Watch()
    {
        var text = new StringBuilder("""{"run":{"name":"runs/r1","state":"RUNNING_NOW"},"points":[]}""").Append('\n');
        for (var i = 0; i < 100; i++)
            text.Append(CultureInfo.InvariantCulture, $$"""{"run":null,"points":[{"utcNs":"{{1_795_420_800_000_000_000 + i * 1_000_000_000L}}","testTimeSecond":{{i}},"values":[{{3.7 + i * 0.001}},{{(i < 99 ? (1.5 - i * 0.01).ToString("R", CultureInfo.InvariantCulture) : "\"NaN\"")}}]}]}""").Append('\n');
        return text.Append("""{"run":{"name":"runs/r1","state":"FINAL"},"points":[]}""").Append('\n').ToString();
    }

    /// <summary>One run that the test scripts; the gate and the policy before it are the real ones.</summary>
    private sealed class ScriptedRuns : RunService.RunServiceBase
    {
        private readonly Run _run = new() { Name = "runs/r1", Channel = TestSeed.CyclerChannel(1), State = RunState.RunningNow, Flags = { "simulated" } };

        public StopRunRequest? Stopped { get; private set; }

        public override Task<ListRunsResponse> ListRuns(ListRunsRequest request, ServerCallContext context) => Task.FromResult(new ListRunsResponse { Runs = { _run } });

        public override Task<Run> GetRun(GetRunRequest request, ServerCallContext context) => Task.FromResult(_run);

        public override Task<Completeness> GetCompleteness(GetCompletenessRequest request, ServerCallContext context) =>
            Task.FromResult(new Completeness { Run = request.Name, Sentence = "expected 100, stored 100, gaps: none" });

        public override Task<StopResult> StopRun(StopRunRequest request, ServerCallContext context)
        {
            Stopped = request;
            return Task.FromResult(new StopResult { Acknowledged = true, Channels = { new StoppedChannel { Channel = _run.Channel, Run = _run.Name, Acknowledged = true, SecondsToSafe = 0.25 } } });
        }
    }
}
