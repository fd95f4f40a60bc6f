using System.Globalization;
using BattKomp.Lab.EdgeAgent.Instruments.Scpi;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Espec;

/// <summary>One connection to a chamber: polls temperature, mode and alarms; a step sets the temperature, reads it back and only then lets the chamber run.</summary>
public sealed class EspecSession : PolledSession, IPoweredSession
{
    // The controller rounds to a tenth.
    private const double Tolerance = 0.051;
    private const int OffAttempts = 3;
    private const string Constant = "CONSTANT";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);
    private static readonly RequestTiming Timing = new(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(20));
    private readonly AsciiLine _line;
    private readonly string _prefix;
    private string _identity = "";
    private EspecTemperature? _held;

    private EspecSession(SessionSetup setup)
        : base(setup, Interval, Silence)
    {
        _line = new AsciiLine(setup.Line, "\r\n", Timing, setup.Machine);
        _prefix = (setup.Config.Settings as EspecSettings)?.Address is { } address ? string.Create(CultureInfo.InvariantCulture, $"{address},") : "";
    }

    /// <inheritdoc/>
    public override string Identity => _identity;

    /// <inheritdoc/>
    public bool EndsSteps => false;

    /// <summary>Identifies the chamber and begins to poll.</summary>
    /// <exception cref="IOException">Nothing answers, or not as a chamber does.</exception>
    public static async Task<EspecSession> ConnectAsync(SessionSetup setup, CancellationToken cancel) => (EspecSession)await ConnectAsync(new EspecSession(setup), cancel);

    /// <inheritdoc/>
    protected override async Task IdentifyAsync(CancellationToken cancel)
    {
        var type = await AskTextAsync("TYPE?", cancel);
        if (EspecReply.Answer(type) is { Ok: false } refused)
            throw new IOException($"The chamber answers TYPE? with {refused.Parameter}, {EspecReply.Meaning(refused.Parameter)}; check address and controller.");
        var rom = await AskTextAsync("ROM?", cancel);
        // Its type names sensors and controller only; a simulator's begins with SIM.
        _identity = type.StartsWith("SIM", StringComparison.Ordinal) ? $"{type}, ROM {rom}" : $"ESPEC {type}, ROM {rom}";
    }

    /// <inheritdoc/>
    public bool Holds(Step step)
    {
        lock (_line)
            return _held is { } held && Math.Abs(held.SetPoint - step.Celsius) <= Tolerance;
    }

    /// <inheritdoc/>
    public async Task<string?> BeginAsync(Step step, CancellationToken cancel)
    {
        if (await AlarmsAsync(cancel) is { Count: > 0 } alarms)
            return $"set_refused: {Words(alarms)}; clear it at the panel";
        var limits = await TemperatureAsync(cancel);
        if (step.Celsius > limits.High || step.Celsius < limits.Low)
            return FormattableString.Invariant($"set_refused: {step.Celsius} °C lies outside the chamber's own alarm limits {limits.Low} to {limits.High} °C");
        // The set point stands before the chamber runs: no swing to an old one.
        if (await SetAsync(FormattableString.Invariant($"TEMP,S{step.Celsius:0.0}"), cancel) is { } refused)
            return refused;
        var read = await TemperatureAsync(cancel);
        if (Math.Abs(read.SetPoint - step.Celsius) > Tolerance)
            return FormattableString.Invariant($"set_refused: {step.Celsius} °C was read back as {read.SetPoint} °C");
        if (await SetAsync($"MODE,{Constant}", cancel) is { } stands)
            return stands;
        return await Feed.WaitAsync(r => r.Output == OutputState.On, TimeSpan.FromSeconds(10), cancel) is null ? "set_refused: the chamber does not show mode CONSTANT" : null;
    }

    /// <inheritdoc/>
    public async Task<bool> OffAsync(CancellationToken cancel)
    {
        for (var attempt = 0; attempt < OffAttempts; attempt++)
        {
            try
            {
                await SetAsync("MODE,STANDBY", cancel);
                if (await ModeAsync(cancel) is "STANDBY" or "OFF")
                {
                    await Feed.WaitAsync(r => r.Output == OutputState.Off, TimeSpan.FromSeconds(3), cancel);
                    return true;
                }
            }
            catch (NoReplyException)
            {
                // Asked again: a lost answer is no proof.
            }
        }
        return false;
    }

    /// <summary>Nothing is due: the chamber has no watchdog.</summary>
    public Task KeepAliveAsync(TimeSpan intoStep, CancellationToken cancel) => Task.CompletedTask;

    /// <inheritdoc/>
    protected override async Task<Reading> PollAsync(CancellationToken cancel)
    {
        var temperature = await TemperatureAsync(cancel);
        var mode = await ModeAsync(cancel);
        var alarms = await AlarmsAsync(cancel);
        lock (_line)
            _held = temperature;
        return new Reading([temperature.Measured, temperature.SetPoint], [mode])
        {
            Output = mode is "OFF" or "STANDBY" ? OutputState.Off : OutputState.On,
            Celsius = temperature.Measured,
            DeviceAlarm = Words(alarms),
        };
    }

    /// <inheritdoc/>
    protected override ValueTask CloseAsync() => _line.DisposeAsync();

    private static string Words(IReadOnlyList<int> alarms) => string.Join(", ", alarms.Select(EspecReply.AlarmText));

    private Task<EspecTemperature> TemperatureAsync(CancellationToken cancel) => _line.AskAsync(_prefix + "TEMP?", EspecReply.Temperature, cancel);

    private Task<string> ModeAsync(CancellationToken cancel) => _line.AskTextAsync(_prefix + "MODE?", l => EspecReply.Mode(l) is not null, cancel);

    private async Task<IReadOnlyList<int>> AlarmsAsync(CancellationToken cancel) =>
        EspecReply.Alarms(await _line.AskTextAsync(_prefix + "ALARM?", l => EspecReply.Alarms(l) is not null, cancel)) ?? [];

    private Task<string> AskTextAsync(string question, CancellationToken cancel) => _line.AskTextAsync(_prefix + question, l => l.Length < 80, cancel);

    // Null when the chamber says OK to exactly this; else the refusal.
    private async Task<string?> SetAsync(string command, CancellationToken cancel)
    {
        var name = command.Split(',')[0];
        var answer = await _line.AskAsync<EspecAnswer>(_prefix + command, l => EspecReply.Answer(l) is { } a && (!a.Ok || a.Parameter == name) ? a : null, cancel);
        return answer.Ok ? null : $"set_refused: \"{command}\" was answered {answer.Parameter}, {EspecReply.Meaning(answer.Parameter)}";
    }
}
