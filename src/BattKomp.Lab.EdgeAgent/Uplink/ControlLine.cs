using System.Threading.Channels;
using BattKomp.Lab.V1;
using Grpc.Core;
using Channel = System.Threading.Channels.Channel;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>What the control line asks of the agent.</summary>
public interface IControlPeer
{
    /// <summary>First report on every new line.</summary>
    Hello Greet();

    /// <summary>Present state of every channel, reported after each greeting.</summary>
    IEnumerable<ChannelReport> ChannelStates();

    /// <summary>Load of the journal.</summary>
    Heartbeat Beat();

    /// <summary>Carries an order out; must not block the line: long work runs on its own and reports by itself.</summary>
    void Take(AgentOrder order);

    /// <summary>Called before each attempt; fetches and pins the lease key when it is not known.</summary>
    Task PrepareAsync(CancellationToken cancel);
}

/// <summary>The agent's standing line to the server (AgentService.Control): reports up, orders down, begun again with back-off whenever it breaks.</summary>
public sealed class ControlLine(CallInvoker server, IControlPeer peer, TimeProvider machine, Action<string>? log = null)
{
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromSeconds(5);
    private readonly AgentService.AgentServiceClient _client = new(server);
    private readonly Channel<AgentReport> _reports = Channel.CreateUnbounded<AgentReport>();
    private readonly BackOff _backOff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), machine);

    private volatile CancellationTokenSource? _line;

    /// <summary>True while the server has welcomed this boot.</summary>
    public bool Connected { get; private set; }

    /// <summary>Queues a report; kept while the line is down.</summary>
    public void Report(AgentReport report) => _reports.Writer.TryWrite(report);

    /// <summary>Ends the present line, so that the next one greets anew: what the agent serves has changed.</summary>
    public void Reconnect()
    {
        try
        {
            _line?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself in this very moment.
        }
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await peer.PrepareAsync(cancel);
                await OneLineAsync(cancel);
            }
            catch (Exception e) when (e is RpcException or IOException or HttpRequestException or OperationCanceledException or InvalidOperationException)
            {
                if (!cancel.IsCancellationRequested)
                    log?.Invoke($"control: {(e is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : e.Message)}");
            }
            Connected = false;
            if (!cancel.IsCancellationRequested)
                await _backOff.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task OneLineAsync(CancellationToken cancel)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _line = ends;
        using var call = _client.Control(cancellationToken: ends.Token);
        await call.RequestStream.WriteAsync(new AgentReport { Hello = peer.Greet() }, ends.Token);
        foreach (var state in peer.ChannelStates())
            await call.RequestStream.WriteAsync(new AgentReport { Channel = state }, ends.Token);
        var receiving = ReceiveAsync(call.ResponseStream, ends.Token);
        var sending = SendAsync(call.RequestStream, ends.Token);
        var first = await Task.WhenAny(receiving, sending);
        await ends.CancelAsync();
        await Task.WhenAll(receiving, sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private async Task ReceiveAsync(IAsyncStreamReader<AgentOrder> orders, CancellationToken cancel)
    {
        await foreach (var order in orders.ReadAllAsync(cancel))
        {
            Connected = true;
            _backOff.Reset();
            peer.Take(order);
        }
    }

    private async Task SendAsync(IClientStreamWriter<AgentReport> reports, CancellationToken cancel)
    {
        var beat = Task.CompletedTask;
        while (true)
        {
            if (beat.IsCompleted)
            {
                await reports.WriteAsync(new AgentReport { Heartbeat = peer.Beat() }, cancel);
                beat = Task.Delay(HeartbeatInterval, machine, cancel);
            }
            while (_reports.Reader.TryPeek(out var report))
            {
                await reports.WriteAsync(report, cancel);
                _reports.Reader.TryRead(out _);
            }
            await Task.WhenAny(beat, _reports.Reader.WaitToReadAsync(cancel).AsTask());
            cancel.ThrowIfCancellationRequested();
        }
    }
}
