using BattKomp.Lab.Server.Features.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Ingest;

/// <summary>A server with a run register in memory, and an agent's side of the ingest call.</summary>
public static class IngestLab
{
    public static async Task<(TestLab Lab, MemoryRunRegister Runs)> StartAsync(string? dataDirectory = null, Action<IServiceCollection>? more = null)
    {
        var runs = new MemoryRunRegister();
        // These tests call the sweeps' work themselves; the clock's own sweep would get there first now and then.
        var lab = await TestLab.StartAsync(o => o.Runs.SweepSeconds = 0, configure: builder =>
        {
            builder.Services.AddSingleton<IRunRegister>(runs);
            more?.Invoke(builder.Services);
        }, dataDirectory: dataDirectory);
        return (lab, runs);
    }

    public static StreamKey Key(string stream = "s1", string boot = "b1", string agent = TestSeed.AgentName) => new() { Agent = agent, Boot = boot, Stream = stream };

    public static Entry Opened(StreamKey key, string lease = "leases/l1", string channel = TestSeed.EbcChannel) => new()
    {
        Key = key,
        FirstSeq = 0,
        Opened = new StreamOpened { Channel = channel, Lease = lease, AnchorUtcNs = Anchor, AnchorMachineUtcNs = Anchor, LabSpeed = 1, ClockQuality = ClockQuality.Synced, InstrumentIdentity = "SIM 1", Protocol = "test", Simulated = true },
    };

    public const long Anchor = 1_790_000_000_000_000_000;

    public static Entry Records(StreamKey key, long first, long last)
    {
        var batch = new Batch { Columns = { new Column { Signal = "voltage_volt" }, new Column { Signal = "current_ampere" } } };
        for (var s = first; s <= last; s++)
        {
            batch.UtcNs.Add(Anchor + s * 1_000_000);
            batch.MonotonicNs.Add(s * 1_000_000);
            batch.Columns[0].Values.Add(3.6 + s / 1e6);
            batch.Columns[1].Values.Add(s % 7 == 0 ? double.NaN : 0.5);
        }

        return new Entry { Key = key, FirstSeq = first, Batch = batch };
    }

    public static Entry Closed(StreamKey key, long last) => new() { Key = key, FirstSeq = last + 1, Closed = new StreamClosed { LastSeq = last, Reason = "finished" } };
}

/// <summary>The agent's side of one call.</summary>
public sealed class IngestLine : IDisposable
{
    private readonly AsyncDuplexStreamingCall<IngestRequest, IngestReply> _call;

    private IngestLine(AsyncDuplexStreamingCall<IngestRequest, IngestReply> call) => _call = call;

    public static async Task<IngestLine> OpenAsync(TestLab lab, string token = TestSeed.Agent, string agent = TestSeed.AgentName, string boot = "b1", long order = 0, params StreamKey[] resuming)
    {
        var line = new IngestLine(new IngestService.IngestServiceClient(lab.As(token)).Ingest(cancellationToken: TestContext.Current.CancellationToken));
        await line._call.RequestStream.WriteAsync(new IngestRequest { Hello = new IngestHello { Agent = agent, Boot = boot, BootOrder = order, Resuming = { resuming } } }, TestContext.Current.CancellationToken);
        return line;
    }

    public async Task SendAsync(params Entry[] entries)
    {
        foreach (var entry in entries) await _call.RequestStream.WriteAsync(new IngestRequest { Entry = entry }, TestContext.Current.CancellationToken);
    }

    public async Task<IngestReply> ReplyAsync()
    {
        Assert.True(await _call.ResponseStream.MoveNext(TestContext.Current.CancellationToken), "the server ended the call");
        return _call.ResponseStream.Current;
    }

    /// <summary>Reads acknowledgements until one covers <paramref name="seq"/> of the stream; returns it.</summary>
    public async Task<Ack> AckOfAsync(StreamKey key, long seq)
    {
        while (true)
            if ((await ReplyAsync()).Ack is { } ack && ack.Key.Equals(key) && ack.FirstSeq <= seq && ack.LastSeq >= seq) return ack;
    }

    /// <summary>Ends the agent's side and returns every reply that was still to come.</summary>
    public async Task<List<IngestReply>> EndAsync()
    {
        await _call.RequestStream.CompleteAsync();
        var rest = new List<IngestReply>();
        while (await _call.ResponseStream.MoveNext(TestContext.Current.CancellationToken)) rest.Add(_call.ResponseStream.Current);
        return rest;
    }

    public void Dispose() => _call.Dispose();
}
