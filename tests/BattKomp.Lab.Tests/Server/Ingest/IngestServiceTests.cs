using BattKomp.Lab.Server.Features.Ingest;
using BattKomp.Lab.Server.Features.Live;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Ingest;

/// <summary>Ingest over the wire: acknowledged means stored, nothing is refused for want of a lease, nothing foreign gets in.</summary>
public sealed class IngestServiceTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ITelemetryStore Store(TestLab lab) => lab.Services.GetRequiredService<ITelemetryStore>();

    [Fact]
    public async Task Acknowledged_records_are_stored_and_reported_to_the_run_register()
    {
        var (lab, runs) = await IngestLab.StartAsync();
        await using var _ = lab;
        var key = IngestLab.Key();
        using var line = await IngestLine.OpenAsync(lab);
        await line.SendAsync(IngestLab.Opened(key), IngestLab.Records(key, 1, 500), IngestLab.Records(key, 501, 800), IngestLab.Closed(key, 800));
        var replies = await line.EndAsync();

        Assert.All(replies, r => Assert.False(r.Ack.Quarantined));
        Assert.Equal(801, replies.Where(r => !r.Ack.Closed).Sum(r => r.Ack.LastSeq - r.Ack.FirstSeq + 1));
        Assert.Equal(801, replies.Single(r => r.Ack.Closed).Ack.LastSeq);
        var run = await RunCompleteness.OfAsync(Store(lab), "runs/l1", Cancellation);
        Assert.Equal("expected 801, stored 801, gaps: none", run.Sentence);
        await Eventually.Async(() => runs.Reports.Any(r => r.Closed) && runs.Reports.Any(r => r.Opened), TimeSpan.FromSeconds(10), "the close is reported");
        Assert.Equal(800, runs.Reports.Sum(r => r.Records));
    }

    [Fact]
    public async Task Records_without_a_lease_are_stored_under_a_run_of_their_own()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        using var line = await IngestLine.OpenAsync(lab);
        await line.SendAsync(IngestLab.Opened(IngestLab.Key(), lease: ""), IngestLab.Records(IngestLab.Key(), 1, 10));
        await line.EndAsync();
        Assert.Equal(10, (await Store(lab).CountAsync("runs/unbooked", Cancellation)).Records);
    }

    [Fact]
    public async Task A_hole_is_asked_for_and_a_stream_without_opening_is_asked_from_its_start()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var (known, unknown) = (IngestLab.Key("s1"), IngestLab.Key("s2"));
        using var line = await IngestLine.OpenAsync(lab, resuming: known);
        await line.SendAsync(IngestLab.Opened(known), IngestLab.Records(known, 1, 10), IngestLab.Records(known, 21, 30));
        IngestReply reply;
        do reply = await line.ReplyAsync(); while (reply.Resend is null);
        Assert.Equal((11, 20), (reply.Resend.FirstSeq, reply.Resend.LastSeq));

        await line.SendAsync(IngestLab.Records(unknown, 5, 9));
        do reply = await line.ReplyAsync(); while (reply.Resend is null);
        Assert.Equal((0, -1), (reply.Resend.FirstSeq, reply.Resend.LastSeq));
        await line.SendAsync(IngestLab.Opened(unknown), IngestLab.Records(unknown, 1, 4), IngestLab.Records(unknown, 5, 9), IngestLab.Records(known, 11, 20));
        await line.EndAsync();
        Assert.All(await Store(lab).GetStreamsAsync("runs/l1", Cancellation), s => Assert.Empty(s.Gaps));
    }

    [Fact]
    public async Task A_stream_whose_opening_is_gone_ends_in_quarantine_and_blocks_nothing()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var key = IngestLab.Key();
        using var line = await IngestLine.OpenAsync(lab);
        await line.SendAsync(IngestLab.Records(key, 5, 9), IngestLab.Records(key, 10, 19));
        Assert.NotNull((await line.ReplyAsync()).Resend);
        await line.SendAsync(IngestLab.Records(key, 5, 9), IngestLab.Records(key, 10, 19));
        var ack = await line.AckOfAsync(key, 9);
        Assert.True(ack.Quarantined);
        Assert.Contains("never came", ack.Detail);
        Assert.True((await line.AckOfAsync(key, 19)).Quarantined);
        await line.EndAsync();
        Assert.Equal(2, (await Store(lab).GetQuarantineAsync("", 10, Cancellation)).Count);
    }

    [Fact]
    public async Task Foreign_streams_channels_and_boots_end_in_quarantine()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var foreign = IngestLab.Key(agent: TestSeed.OtherAgentName);
        var wrongChannel = IngestLab.Key("s7");
        using (var line = await IngestLine.OpenAsync(lab))
        {
            await line.SendAsync(IngestLab.Opened(foreign), IngestLab.Opened(wrongChannel, channel: "rigs/other/channels/1"), IngestLab.Records(wrongChannel, 1, 3));
            var replies = await line.EndAsync();
            Assert.All(replies, r => Assert.True(r.Ack.Quarantined));
            Assert.Contains("sent it", replies[0].Ack.Detail);
        }

        using (var newer = await IngestLine.OpenAsync(lab, boot: "b2")) await newer.EndAsync();
        using var copy = await IngestLine.OpenAsync(lab, boot: "b1");
        await copy.SendAsync(IngestLab.Opened(IngestLab.Key("s8")));
        Assert.Contains("newer", Assert.Single(await copy.EndAsync()).Ack.Detail);
    }

    [Fact]
    public async Task A_newer_boot_ends_the_call_of_the_older_one()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        using var older = await IngestLine.OpenAsync(lab, boot: "b1");
        await older.SendAsync(IngestLab.Opened(IngestLab.Key()));
        await older.AckOfAsync(IngestLab.Key(), 0);
        using var newer = await IngestLine.OpenAsync(lab, boot: "b2");
        var refused = await Assert.ThrowsAsync<RpcException>(older.ReplyAsync);
        Assert.Contains("newer boot", refused.Status.Detail);
        await newer.SendAsync(IngestLab.Records(IngestLab.Key(), 1, 5));
        Assert.False((await newer.AckOfAsync(IngestLab.Key(), 5)).Quarantined);
    }

    [Fact]
    public async Task A_poison_entry_is_kept_with_its_bytes_and_the_stream_goes_on()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var key = IngestLab.Key();
        var poison = IngestLab.Records(key, 1, 5);
        poison.Batch.Columns[0].Values.RemoveAt(0);
        using var line = await IngestLine.OpenAsync(lab);
        await line.SendAsync(IngestLab.Opened(key), poison, new Entry { Key = key, FirstSeq = 6 }, IngestLab.Records(key, 6, 9));
        var replies = await line.EndAsync();
        Assert.Equal(2, replies.Count(r => r.Ack is { Quarantined: true }));
        var kept = await Store(lab).GetQuarantineAsync("runs/l1", 10, Cancellation);
        Assert.Contains(kept, k => Entry.Parser.ParseFrom(k.Bytes).Equals(poison) && k.Reason.Contains("voltage_volt", StringComparison.Ordinal));
        Assert.Equal(4, (await Store(lab).CountAsync("runs/l1", Cancellation)).Records);
    }

    [Theory]
    [InlineData(TestSeed.Teacher, TestSeed.AgentName, StatusCode.PermissionDenied)]
    [InlineData("nobody", TestSeed.AgentName, StatusCode.Unauthenticated)]
    [InlineData(TestSeed.OtherAgent, TestSeed.AgentName, StatusCode.FailedPrecondition)]
    public async Task Only_the_agent_itself_may_speak(string token, string agent, StatusCode expected)
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        using var line = await IngestLine.OpenAsync(lab, token, agent);
        Assert.Equal(expected, (await Assert.ThrowsAsync<RpcException>(line.ReplyAsync)).StatusCode);
    }

    [Fact]
    public async Task A_restarted_server_knows_the_streams_and_asks_for_what_it_misses()
    {
        var folder = Directory.CreateTempSubdirectory("battlab-ingest-").FullName;
        try
        {
            var (lab, _) = await IngestLab.StartAsync(folder);
            await using (lab)
            {
                using var line = await IngestLine.OpenAsync(lab);
                await line.SendAsync(IngestLab.Opened(IngestLab.Key()), IngestLab.Records(IngestLab.Key(), 1, 10), IngestLab.Records(IngestLab.Key(), 16, 20));
                await line.EndAsync();
            }

            var (again, _) = await IngestLab.StartAsync(folder);
            await using (again)
            {
                using var line = await IngestLine.OpenAsync(again);
                var (hole, tail) = ((await line.ReplyAsync()).Resend, (await line.ReplyAsync()).Resend);
                Assert.Equal((11, 15, 21, -1), (hole.FirstSeq, hole.LastSeq, tail.FirstSeq, tail.LastSeq));
                await line.SendAsync(IngestLab.Records(IngestLab.Key(), 11, 15), IngestLab.Records(IngestLab.Key(), 16, 20), IngestLab.Closed(IngestLab.Key(), 20));
                await line.EndAsync();
                Assert.Equal("expected 21, stored 21, gaps: none", (await RunCompleteness.OfAsync(Store(again), "runs/l1", Cancellation)).Sentence);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Watchers_see_records_once_and_a_slow_one_keeps_the_extremes()
    {
        var (lab, _) = await IngestLab.StartAsync();
        await using var _2 = lab;
        var feed = lab.Services.GetRequiredService<ILiveFeed>();
        using var raw = feed.Subscribe("runs/l1", new LiveRequest(["voltage_volt"], 0));
        var key = IngestLab.Key();
        var spike = IngestLab.Records(key, 20_001, 40_000);
        spike.Batch.Columns[0].Values[7_777] = 99;
        using var line = await IngestLine.OpenAsync(lab);
        await line.SendAsync(IngestLab.Opened(key), IngestLab.Records(key, 1, 20_000), spike, IngestLab.Records(key, 20_001, 20_500));
        await line.EndAsync();

        var seen = await raw.ReadAsync(Cancellation);
        Assert.True(seen.Count <= 4096);
        Assert.Contains(seen, p => p.Values[0] == 99);
        Assert.Equal(seen.OrderBy(p => p.UtcNs).Select(p => p.UtcNs).Distinct(), seen.Select(p => p.UtcNs));
        Assert.Equal(40, seen[^1].TestTimeSecond, 9);
    }
}
