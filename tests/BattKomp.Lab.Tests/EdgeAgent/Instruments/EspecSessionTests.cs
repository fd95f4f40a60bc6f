using System.Diagnostics;
using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.EdgeAgent.Instruments.Espec;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.Tests.EdgeAgent.Support;
using BattKomp.Lab.V1;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>The chamber driver against a chamber on a pseudo-terminal that also refuses.</summary>
public sealed class EspecSessionTests : IDisposable
{
    private static readonly Step To45 = new() { Kind = Kind.Temperature, Celsius = 45, MaxSeconds = 600 };
    private readonly TextPeer _chamber;
    private string _mode = "STANDBY";
    private string _set = "20.0";
    private string _alarms = "0";

    public EspecSessionTests() => _chamber = new TextPeer(Answer, "\r\n");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _chamber.Dispose();

    [Fact]
    public async Task The_set_point_stands_before_the_chamber_runs()
    {
        await using var session = await ConnectAsync();
        Assert.Null(await session.BeginAsync(To45, Cancel));
        var heard = _chamber.Heard.ToList();
        Assert.True(heard.IndexOf("TEMP,S45.0") >= 0 && heard.IndexOf("TEMP,S45.0") < heard.IndexOf("MODE,CONSTANT"));
        Assert.True(session.Holds(To45));
        Assert.False(session.Holds(new Step(To45) { Celsius = 44 }));
        Assert.Equal(26.4, (await session.NextAsync(Cancel)).Celsius);
    }

    [Fact]
    public async Task A_refused_set_point_never_lets_the_chamber_run()
    {
        await using var session = await ConnectAsync();
        _chamber.Answer = line => line.StartsWith("TEMP,S", StringComparison.Ordinal) ? "NA:DATA OUT OF RANGE" : Answer(line);
        Assert.Contains("DATA OUT OF RANGE", await session.BeginAsync(To45, Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain("MODE,CONSTANT", _chamber.Heard);
    }

    [Fact]
    public async Task A_temperature_beyond_the_chambers_own_alarm_limits_is_refused_before_it_is_set()
    {
        await using var session = await ConnectAsync();
        Assert.Contains("alarm limits", await session.BeginAsync(new Step(To45) { Celsius = 150 }, Cancel), StringComparison.Ordinal);
        Assert.DoesNotContain(_chamber.Heard, l => l.StartsWith("TEMP,S", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_standing_alarm_is_told_in_every_reading_and_refuses_a_step()
    {
        _alarms = "2,3,17";
        await using var session = await ConnectAsync();
        Assert.Equal("chamber alarm 3, chamber alarm 17", (await session.NextAsync(Cancel)).DeviceAlarm);
        Assert.Contains("chamber alarm 3", await session.BeginAsync(To45, Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Off_is_standby_proved_by_the_mode_within_the_declared_time()
    {
        await using var session = await ConnectAsync();
        await session.BeginAsync(To45, Cancel);
        var started = Stopwatch.GetTimestamp();
        Assert.True(await session.OffAsync(Cancel));
        Assert.True(Stopwatch.GetElapsedTime(started) < new EspecDriver().TimeToSafe);
        Assert.Equal("STANDBY", _mode);
    }

    private async Task<EspecSession> ConnectAsync()
    {
        var config = new ChannelConfig { Channel = "rigs/r/channels/c", Protocol = EspecDriver.Name, Device = _chamber.Path, Settings = new EspecSettings(null) };
        return await EspecSession.ConnectAsync(new SessionSetup(InstrumentLines.Open(config), config, _ => { }, TimeProvider.System, 10), Cancel);
    }

    private string? Answer(string line)
    {
        if (line.StartsWith("TEMP,S", StringComparison.Ordinal))
            _set = line[6..];
        else if (line.StartsWith("MODE,", StringComparison.Ordinal))
            _mode = line[5..];
        return line switch
        {
            "" => null,
            "TYPE?" => "SIM,T,P300,180.0",
            "ROM?" => "SIM1.0",
            "TEMP?" => $"26.4,{_set},140.0,-50.0",
            "MODE?" => _mode,
            "ALARM?" => _alarms,
            _ when line.Contains(',', StringComparison.Ordinal) => $"OK:{line}",
            _ => "NA:CMD ERR",
        };
    }
}
