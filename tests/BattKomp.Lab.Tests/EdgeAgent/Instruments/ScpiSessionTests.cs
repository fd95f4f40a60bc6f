using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Scpi;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.V1;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>The supply driver against a supply on a pseudo-terminal that also misbehaves.</summary>
public sealed class ScpiSessionTests : IDisposable
{
    private static readonly Step Discharge = new() { Kind = Kind.CcDischarge, Ampere = 2, Volt = 3, MaxSeconds = 60 };
    private readonly ConcurrentDictionary<string, double> _held = new(new Dictionary<string, double> { ["VOLT"] = 0, ["CURR"] = 0, ["OUTP"] = 0, ["VOLT:PROT"] = 60, ["CURR:PROT"] = 20 });
    private readonly ConcurrentQueue<Reading> _readings = new();
    private readonly TextPeer _supply;
    private Timer? _late;
    private string _error = "0,\"No error\"";

    public ScpiSessionTests() => _supply = new TextPeer(Answer);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _late?.Dispose();
        _supply.Dispose();
    }

    [Fact]
    public async Task A_step_is_set_in_the_safe_order_and_proved_by_what_the_device_says()
    {
        await using var session = await ConnectAsync();
        Assert.Null(await session.BeginAsync(Discharge, Cancel));
        var sets = _supply.Heard.Where(l => !l.EndsWith('?')).ToList();
        Assert.Equal(["OUTP:PROT:CLE", "OUTP:PROT:WDOG:DEL 10", "OUTP:PROT:WDOG ON", "VOLT 3", "CURR -2", "OUTP 1"], sets.SkipWhile(s => s != "OUTP:PROT:CLE"));
        Assert.True(sets.IndexOf("VOLT:PROT 4.335") < sets.IndexOf("OUTP:PROT:CLE"), "device limits come first");
        Assert.True(session.Holds(Discharge));
        Assert.False(session.Holds(new Step(Discharge) { Ampere = 1 }));
        Assert.Equal(-2, (await session.NextAsync(Cancel)).Ampere, 3);
    }

    [Fact]
    public async Task A_clamped_set_value_is_refused_and_the_output_never_goes_on()
    {
        await using var session = await ConnectAsync();
        _clamp = true;
        Assert.Contains("read back as -1", await session.BeginAsync(Discharge, Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain("OUTP 1", _supply.Heard);
    }

    [Fact]
    public async Task An_error_in_the_queue_refuses_the_step_with_its_text()
    {
        await using var session = await ConnectAsync();
        _errorAfter = "CURR -2";
        Assert.Contains("-222, Data out of range", await session.BeginAsync(Discharge, Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain("OUTP 1", _supply.Heard);
    }

    [Fact]
    public async Task Off_is_proved_by_output_and_current_and_within_the_declared_time()
    {
        await using var session = await ConnectAsync();
        await session.BeginAsync(Discharge, Cancel);
        var started = Stopwatch.GetTimestamp();
        Assert.True(await session.OffAsync(Cancel));
        Assert.True(Stopwatch.GetElapsedTime(started) < new ScpiDriver().TimeToSafe);
        Assert.Equal(0, _held["OUTP"]);
    }

    [Fact]
    public async Task A_stuck_output_stage_is_not_called_off()
    {
        await using var session = await ConnectAsync();
        await session.BeginAsync(Discharge, Cancel);
        _stuck = true;
        Assert.False(await session.OffAsync(Cancel));
    }

    [Fact]
    public async Task A_late_reply_never_answers_the_next_question()
    {
        await using var session = await ConnectAsync();
        await session.NextAsync(Cancel);
        var held = 0;
        // One answer comes 300 ms after its deadline of 1 s, with a value that no other answer has.
        _supply.Answer = line =>
        {
            if (line == "MEAS:VOLT?" && Interlocked.Increment(ref held) == 1)
            {
                _late = new Timer(_ => _supply.Say("9.9\n"), null, 1300, Timeout.Infinite);
                return null;
            }
            return Answer(line);
        };
        for (var k = 0; k < 6; k++)
        {
            var reading = await session.NextAsync(Cancel);
            Assert.Equal(3.7, reading.Volt, 6);
            Assert.Equal(0, reading.Ampere, 6);
        }
        Assert.True(held > 1, "the question was asked again");
    }

    [Fact]
    public async Task Another_device_is_refused_by_its_identity()
    {
        _supply.Answer = line => line == "*IDN?" ? "ACME,TOASTER,1,1" : Answer(line);
        var refused = await Assert.ThrowsAsync<IOException>(ConnectAsync);
        Assert.Contains("TOASTER", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trip_is_a_device_alarm()
    {
        await using var session = await ConnectAsync();
        _supply.Answer = line => line == "OUTP:PROT:TRIP?" ? "OVP" : Answer(line);
        await session.NextAsync(Cancel);
        Assert.Equal("protection OVP", (await session.NextAsync(Cancel)).DeviceAlarm);
    }

    private bool _clamp;
    private bool _stuck;
    private string _errorAfter = "";

    private async Task<ScpiSession> ConnectAsync()
    {
        var config = new ChannelConfig
        {
            Channel = "rigs/r/channels/c",
            Protocol = ScpiDriver.Name,
            Device = _supply.Path,
            Limits = new ChannelLimits { MaxVolt = 4.25, MinVolt = 2.5, MaxChargeAmpere = 4, MaxDischargeAmpere = 4 },
            Settings = new ScpiSettings(ScpiProfiles.BuiltIn["sim"]),
        };
        return await ScpiSession.ConnectAsync(new SessionSetup(InstrumentLines.Open(config), config, _readings.Enqueue, TimeProvider.System, 1), ScpiProfiles.BuiltIn["sim"], Cancel);
    }

    private string? Answer(string line)
    {
        var on = _held["OUTP"] == 1;
        switch (line)
        {
            case "*IDN?": return "SIM,GENERIC 60-20,x,1.0";
            case "SYST:ERR?":
                var told = _error;
                _error = "0,\"No error\"";
                return told;
            case "MEAS:VOLT?": return "3.7";
            case "MEAS:CURR?": return (on || _stuck ? _held["CURR"] : 0).ToString(CultureInfo.InvariantCulture);
            case "OUTP:PROT:TRIP?": return "NONE";
        }
        if (line.EndsWith('?'))
            return _held.TryGetValue(line.TrimEnd('?'), out var value) ? value.ToString(CultureInfo.InvariantCulture) : null;
        if (line == _errorAfter)
            _error = "-222,\"Data out of range\"";
        var parts = line.Split(' ');
        if (parts.Length == 2 && double.TryParse(parts[1], CultureInfo.InvariantCulture, out var set))
            _held[parts[0]] = _clamp && parts[0] == "CURR" ? Math.Clamp(set, -1, 1) : set;
        return null;
    }
}
