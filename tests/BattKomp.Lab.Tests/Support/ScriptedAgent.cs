using System.Collections.Concurrent;
using BattKomp.Lab.V1;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Support;

/// <summary>An agent's side of AgentService.Control over real gRPC, steered by a test: it says and does only what the test tells it.</summary>
public sealed class ScriptedAgent : IAsyncDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(15);
    private readonly AsyncDuplexStreamingCall<AgentReport, AgentOrder> _call;
    private readonly ConcurrentQueue<AgentOrder> _orders = new();
    private readonly Task _reading;

    private ScriptedAgent(AsyncDuplexStreamingCall<AgentReport, AgentOrder> call)
    {
        _call = call;
        _reading = ReadAsync();
    }

    /// <summary>Every order received so far, in order, Welcome included.</summary>
    public IReadOnlyCollection<AgentOrder> Orders => _orders;

    /// <summary>Why the server ended the line; null while it is open or after a clean end.</summary>
    public RpcException? Ended { get; private set; }

    /// <summary>Opens a line and says hello; does not wait for the welcome.</summary>
    public static async Task<ScriptedAgent> ConnectAsync(
        TestLab lab, string token = TestSeed.Agent, string name = TestSeed.AgentName, string boot = "boot-1", long order = 1, params string[] held)
    {
        var agent = new ScriptedAgent(new AgentService.AgentServiceClient(lab.As(token)).Control(cancellationToken: TestContext.Current.CancellationToken));
        await agent.SayAsync(new AgentReport { Hello = new Hello { Agent = name, Boot = boot, BootOrder = order, SoftwareVersion = "test", HeldLeases = { held } } });
        return agent;
    }

    /// <summary>Sends a report.</summary>
    public Task SayAsync(AgentReport report) => _call.RequestStream.WriteAsync(report, TestContext.Current.CancellationToken);

    /// <summary>Reports a channel's state.</summary>
    public Task ReportAsync(string channel, string run, ChannelReport.Types.State state, string endReason = "", string detail = "") =>
        SayAsync(new AgentReport { Channel = new ChannelReport { Channel = channel, Run = run, State = state, EndReason = endReason, Detail = detail } });

    /// <summary>Waits until the n-th (from 0) order of a kind has come.</summary>
    public async Task<AgentOrder> ExpectAsync(AgentOrder.OrderOneofCase kind, int index = 0)
    {
        await Eventually.Async(() => _orders.Count(o => o.OrderCase == kind) > index || Ended is not null, Bound, $"the agent gets order {index} of kind {kind}");
        Assert.Null(Ended);
        return _orders.Where(o => o.OrderCase == kind).ElementAt(index);
    }

    /// <summary>Waits until the server has ended the line with an error.</summary>
    public async Task<RpcException> ExpectEndAsync()
    {
        await Eventually.Async(() => Ended is not null, Bound, "the server ends the line");
        return Ended!;
    }

    /// <summary>Waits for a lease, says that it is taken, and returns it.</summary>
    public async Task<Lease> TakeLeaseAsync(int index = 0)
    {
        var lease = Lease.Parser.ParseFrom((await ExpectAsync(AgentOrder.OrderOneofCase.Lease, index)).Lease.Lease);
        await SayAsync(new AgentReport { LeaseTaken = new LeaseTaken { Lease = lease.Name, Accepted = true } });
        return lease;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_reading.IsCompleted)
        {
            // The server takes every report before it ends the line.
            await _call.RequestStream.CompleteAsync();
            await _reading.WaitAsync(Bound);
        }
        _call.Dispose();
    }

    private async Task ReadAsync()
    {
        try
        {
            await foreach (var order in _call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken)) _orders.Enqueue(order);
        }
        catch (RpcException e)
        {
            Ended = e;
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }
}
