using System.Net.Sockets;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Simulators.Time;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>A simulator behind a TCP port that carries the raw bytes, as behind a serial device server.</summary>
public sealed class TcpLineTests : IAsyncDisposable
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);
    private readonly CancellationTokenSource _stop = new();
    private LineSimulator? _simulator;
    private Task _running = Task.CompletedTask;

    [Fact]
    public async Task The_bytes_are_those_of_the_serial_line_and_a_second_client_is_turned_away()
    {
        var port = Start();
        using var first = await ConnectAsync(port);
        var frame = new byte[19];
        await first.GetStream().ReadExactlyAsync(frame, TestContext.Current.CancellationToken);
        Assert.Equal((0xFA, 0xF8), (frame[0], frame[18]));

        using var second = await ConnectAsync(port);
        Assert.Equal(0, await second.GetStream().ReadAsync(new byte[1], TestContext.Current.CancellationToken));
        await first.GetStream().ReadExactlyAsync(frame, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_client_that_leaves_makes_room_for_the_next()
    {
        var port = Start();
        using (var first = await ConnectAsync(port)) await first.GetStream().ReadExactlyAsync(new byte[19], TestContext.Current.CancellationToken);
        await Eventually.Async(async () =>
        {
            using var next = await ConnectAsync(port);
            return await next.GetStream().ReadAsync(new byte[1], TestContext.Current.CancellationToken) == 1;
        }, Soon, "the next client is served");
    }

    [Fact]
    public async Task After_a_hang_up_it_listens_on_the_same_port_again()
    {
        var port = Start(new Fault { Kind = FaultKind.HangUp, FromSeconds = 1, ToSeconds = 1.3 });
        using var first = await ConnectAsync(port);
        await Eventually.Async(() => _simulator!.Stats.State == "hung_up", Soon, "the line cut");
        await Eventually.Async(() => _simulator!.Stats.State == "idle", Soon, "the line back");
        using var second = await ConnectAsync(port);
        await second.GetStream().ReadExactlyAsync(new byte[19], TestContext.Current.CancellationToken);
        Assert.Equal(1, _simulator!.Stats.Faults["hang_up"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _simulator?.Dispose();
        _stop.Dispose();
    }

    private int Start(params Fault[] faults)
    {
        var config = new InstrumentConfig { Type = "ebc-a20", Id = "SIM-EBC-1", Listen = "127.0.0.1:0", Faults = faults };
        _simulator = SimulatorHost.OneLine(config, SimulatedLabTime.Real(TimeProvider.System), TimeProvider.System);
        _running = _simulator.RunAsync(_stop.Token);
        return int.Parse(_simulator.Address.Split(':')[1]);
    }

    private static async Task<TcpClient> ConnectAsync(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
        return client;
    }
}
