using System.Text.Json;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class RunCommandTests
{
    [Fact]
    public async Task A_watch_prints_one_json_object_a_line_with_doubles_in_full_and_null_for_no_value()
    {
        await using var peer = await RunPeer.StartAsync();

        var ran = await Battlab.AsAsync(peer.Address, "token", "runs", "watch", "r1", "--json");

        Assert.Equal(0, ran.Exit);
        var lines = ran.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal("RUNNING_NOW", lines[0].GetProperty("run").GetProperty("state").GetString());
        Assert.Equal("1795420800123456789", lines[1].GetProperty("utc_ns").GetString());
        Assert.Equal(3.0000000000000004, lines[1].GetProperty("voltage_volt").GetDouble());
        Assert.Equal(JsonValueKind.Null, lines[1].GetProperty("current_ampere").ValueKind);
        Assert.Equal("FINAL", lines[2].GetProperty("run").GetProperty("state").GetString());
        Assert.Equal(3, lines.Count);
    }

    [Fact]
    public async Task A_watch_for_people_names_its_signals()
    {
        await using var peer = await RunPeer.StartAsync();

        var ran = await Battlab.AsAsync(peer.Address, "token", "runs", "watch", "runs/r1", "--signal", "voltage_volt");

        Assert.Equal(0, ran.Exit);
        Assert.Contains("runs/r1: running now", ran.Out);
        Assert.Contains("1.5 s voltage_volt 3", ran.Text);
        Assert.Contains("runs/r1: final (finished)", ran.Out);
    }

    [Fact]
    public async Task A_watch_that_loses_its_server_ends_with_2()
    {
        await using var peer = await RunPeer.StartAsync();
        peer.Break = true;

        var ran = await Battlab.AsAsync(peer.Address, "token", "runs", "watch", "r1");

        Assert.Equal(2, ran.Exit);
        Assert.Contains("The server cannot be reached.", ran.Text);
    }

    [Fact]
    public async Task A_watch_that_ends_before_its_run_says_so()
    {
        await using var peer = await RunPeer.StartAsync();
        peer.EndEarly = true;

        var ran = await Battlab.AsAsync(peer.Address, "token", "runs", "watch", "r1");

        Assert.Equal(2, ran.Exit);
        Assert.Contains("before the run was over", ran.Text);
    }

    [Fact]
    public async Task Runs_are_listed_over_all_pages()
    {
        await using var peer = await RunPeer.StartAsync();

        var ran = await Battlab.AsAsync(peer.Address, "token", "runs", "list", "--active", "--json");

        Assert.Equal(0, ran.Exit);
        Assert.Equal(["runs/r1", "runs/r2"], ran.Json.GetProperty("runs").EnumerateArray().Select(r => r.GetProperty("name").GetString()!));
    }

    [Theory]
    [InlineData(true, "off after 0.25 s")]
    [InlineData(false, "NOT ACKNOWLEDGED")]
    public async Task A_stop_says_whether_the_agent_has_answered(bool acknowledged, string says)
    {
        await using var peer = await RunPeer.StartAsync();
        peer.Acknowledge = acknowledged;

        var ran = await Battlab.AsAsync(peer.Address, "token", "runs", "stop", "r1", "--reason", "smell of solvent", "--mode", "immediate", "--wait", "3s");

        Assert.Equal(0, ran.Exit);
        Assert.Contains(says, ran.Text);
        Assert.Equal(("runs/r1", StopMode.Immediate, "smell of solvent", 3.0), (peer.Stopped!.Name, peer.Stopped.Mode, peer.Stopped.Reason, peer.Stopped.WaitSeconds));
        Assert.NotEqual("", peer.Stopped.RequestId);
    }

    private sealed class RunPeer : RunService.RunServiceBase, IAsyncDisposable
    {
        private WebApplication? _app;

        public string Address { get; private set; } = "";

        public bool Break { get; set; }

        public bool EndEarly { get; set; }

        public bool Acknowledge { get; set; }

        public StopRunRequest? Stopped { get; private set; }

        public static async Task<RunPeer> StartAsync()
        {
            var peer = new RunPeer();
            (peer._app, peer.Address) = await Peer.StartAsync(peer);
            return peer;
        }

        public override async Task WatchRun(WatchRunRequest request, IServerStreamWriter<RunUpdate> responseStream, ServerCallContext context)
        {
            await responseStream.WriteAsync(new RunUpdate { Run = new Run { Name = request.Name, State = RunState.RunningNow } }, context.CancellationToken);
            if (Break) throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
            if (EndEarly) return;
            var point = new LivePoint { UtcNs = 1_795_420_800_123_456_789, TestTimeSecond = 1.5 };
            point.Values.AddRange(request.Signals.Select(s => s == "voltage_volt" ? 3.0000000000000004 : double.NaN));
            await responseStream.WriteAsync(new RunUpdate { Points = { point } }, context.CancellationToken);
            await responseStream.WriteAsync(new RunUpdate { Run = new Run { Name = request.Name, State = RunState.Final, EndReason = "finished" } }, context.CancellationToken);
        }

        public override Task<ListRunsResponse> ListRuns(ListRunsRequest request, ServerCallContext context) => Task.FromResult(request.PageToken.Length == 0
            ? new ListRunsResponse { Runs = { new Run { Name = "runs/r1" } }, NextPageToken = "more" }
            : new ListRunsResponse { Runs = { new Run { Name = "runs/r2" } } });

        public override Task<StopResult> StopRun(StopRunRequest request, ServerCallContext context)
        {
            Stopped = request;
            var channel = new StoppedChannel { Channel = "rigs/a/channels/1", Run = request.Name, Acknowledged = Acknowledge, SecondsToSafe = Acknowledge ? 0.25 : 0 };
            return Task.FromResult(new StopResult { Acknowledged = Acknowledge, Channels = { channel } });
        }

        public async ValueTask DisposeAsync()
        {
            await _app!.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
        }
    }
}
