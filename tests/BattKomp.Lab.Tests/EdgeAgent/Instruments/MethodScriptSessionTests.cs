using System.Collections.Concurrent;
using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.MethodScript;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>The potentiostat driver against a device on a pseudo-terminal that carries scripts out as a test says.</summary>
public sealed class MethodScriptSessionTests : IDisposable
{
    private static readonly Step Sweep = new() { Kind = Kind.Eis, MaxSeconds = 600, Eis = new EisSweep { FromHertz = 1000, ToHertz = 1, PointsPerDecade = 5, AmplitudeVolt = 0.01, AtOpenCircuit = true } };
    private static readonly Step Charge = new() { Kind = Kind.CcCharge, Ampere = 0.001, Volt = 4.2, MaxSeconds = 60 };
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);
    private readonly ConcurrentQueue<Reading> _readings = new();
    private readonly TextPeer _device;
    private readonly List<string> _script = [];
    private string _refuse = "";
    private bool _takes;
    private volatile bool _runs;

    public MethodScriptSessionTests() => _device = new TextPeer(Answer);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _device.Dispose();

    [Fact]
    public async Task A_sweep_is_a_script_whose_points_are_readings_and_whose_end_finishes_the_step()
    {
        await using var session = await ConnectAsync();
        Assert.StartsWith("SIMespico", session.Identity, StringComparison.Ordinal);
        Assert.Null(await session.BeginAsync(Sweep, Cancel));
        Assert.True(session.Holds(Sweep));
        _device.Say("PdcDF5DFF4u;cc896D904m,10,287;cd82DB1A8u,10,287\n");
        await Eventually.Async(() => _readings.Any(r => Math.Abs(r.Values[3] - 9885.956) < 1e-6), Bound, "the point is a reading");
        var point = _readings.Last(r => !double.IsNaN(r.Values[2]));
        Assert.Equal(99.999732, point.Values[2], 6);
        Assert.Equal(2.9946, point.Values[4], 6);
        Assert.Equal("OK", point.Texts[0]);
        _runs = false;
        _device.Say("*\n\n");
        await Eventually.Async(() => session.Last is { Output: OutputState.Finished }, Bound, "the end of the script finishes the step");
    }

    [Fact]
    public async Task A_script_that_the_device_refuses_is_a_refused_step_with_the_devices_code()
    {
        await using var session = await ConnectAsync();
        _refuse = "meas_loop_cp";
        Assert.Contains("4008", await session.BeginAsync(Charge, Cancel), StringComparison.Ordinal);
        Assert.False(session.Holds(Charge));
    }

    [Fact]
    public async Task Off_aborts_the_script_and_is_proved_by_its_end_within_the_declared_time()
    {
        await using var session = await ConnectAsync();
        await session.BeginAsync(Charge, Cancel);
        var started = Stopwatch.GetTimestamp();
        Assert.True(await session.OffAsync(Cancel));
        Assert.True(Stopwatch.GetElapsedTime(started) < new MethodScriptDriver().TimeToSafe);
        Assert.Contains("Z", _device.Heard);
        Assert.Equal("cell_off", _device.Heard.Last(l => l is "cell_off" or "cell_on"));
        Assert.Equal(OutputState.Off, session.Last!.Output);
    }

    [Fact]
    public async Task An_overloaded_reading_is_suspect_and_an_error_in_the_script_is_a_device_alarm()
    {
        await using var session = await ConnectAsync();
        await session.BeginAsync(Charge, Cancel);
        _device.Say("Pab8000E74m;ba80003E8u,12,287\n");
        await Eventually.Async(() => _readings.Any(r => r.Quality == Quality.Suspect && r.Texts[0] == "overload"), Bound, "overload is told");
        _runs = false;
        _device.Say("!4003: Line 9, Col 1\n\n");
        await Eventually.Async(() => session.Last!.DeviceAlarm.Contains("4003", StringComparison.Ordinal), Bound, "the error is an alarm");
        Assert.NotEqual(OutputState.Finished, session.Last!.Output);
    }

    [Fact]
    public async Task Between_steps_the_open_circuit_voltage_is_read()
    {
        await using var session = await ConnectAsync();
        await Eventually.Async(() => _readings.Any(r => Math.Abs(r.Volt - 3.7) < 1e-6 && r.Output == OutputState.Off), Bound, "the idle device is watched");
    }

    private async Task<MethodScriptSession> ConnectAsync()
    {
        var config = new ChannelConfig { Channel = "rigs/r/channels/c", Protocol = MethodScriptDriver.Name, Device = _device.Path };
        return await MethodScriptSession.ConnectAsync(new SessionSetup(InstrumentLines.Open(config), config, _readings.Enqueue, TimeProvider.System, 1), Cancel);
    }

    private string? Answer(string line)
    {
        if (_takes)
            return Script(line);
        switch (line)
        {
            case "t": return "tSIMespico1.4\nR*";
            case "Z" when _runs:
                _runs = false;
                return "Z\n*\n";
            case "Z": return "Z!0006";
            case "e":
                _takes = true;
                _script.Clear();
                return null;
            default: return null;
        }
    }

    // A script ends with an empty line; then the device says what it makes of it.
    private string? Script(string line)
    {
        if (line.Length > 0)
        {
            _script.Add(line);
            return null;
        }
        _takes = false;
        if (_refuse.Length > 0 && _script.Exists(l => l.StartsWith(_refuse, StringComparison.Ordinal)))
            return "e!4008: Line 12, Col 3";
        if (_script.Contains("cell_on"))
        {
            _runs = true;
            return "e" + string.Concat(_script.Where(l => l.StartsWith("meas_loop", StringComparison.Ordinal)).Select((_, k) => k == 0 ? "\nM0000" : "\n*\nM0000"));
        }
        return _script.Exists(l => l.StartsWith("meas_loop_ocp", StringComparison.Ordinal)) ? "e\nM0000\nPab8387520u\n*\n" : "e\n";
    }
}
