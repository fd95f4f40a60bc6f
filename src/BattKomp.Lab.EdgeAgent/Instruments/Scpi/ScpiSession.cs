using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>
/// One connection to a supply or load: polls voltage, current, output and set points; sets a step in the order limits, watchdog, set point, read back, on,
/// proved on. The device ends nothing by itself but its protections, so the agent judges each step's end.
/// </summary>
public sealed class ScpiSession : PolledSession, IPoweredSession
{
    private const int OffAttempts = 3;
    private const int ErrorQueue = 20;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);
    private static readonly RequestTiming Timing = new(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(5));
    private readonly AsciiLine _line;
    private readonly ScpiProfile _profile;
    private readonly SessionSetup _setup;
    private ScpiHeld? _held;

    private ScpiSession(SessionSetup setup, ScpiProfile profile)
        : base(setup, Interval, Silence)
    {
        (_setup, _profile) = (setup, profile);
        _line = new AsciiLine(setup.Line, profile.Ending, Timing, setup.Machine);
    }

    /// <inheritdoc/>
    public override string Identity => _identity;

    /// <inheritdoc/>
    public bool EndsSteps => false;

    private string _identity = "";

    /// <summary>Identifies the device and begins to poll.</summary>
    /// <exception cref="IOException">Nothing answers, or another device does.</exception>
    public static async Task<ScpiSession> ConnectAsync(SessionSetup setup, ScpiProfile profile, CancellationToken cancel) =>
        (ScpiSession)await ConnectAsync(new ScpiSession(setup, profile), cancel);

    /// <inheritdoc/>
    protected override async Task IdentifyAsync(CancellationToken cancel)
    {
        foreach (var command in _profile.Preamble)
            await SetAsync(command, cancel, checkError: false);
        _identity = await _line.AskTextAsync(_profile.Identify, l => l.Contains(',', StringComparison.Ordinal), cancel);
        if (!_profile.Identities.Any(i => _identity.Contains(i, StringComparison.OrdinalIgnoreCase)))
            throw new IOException($"The device calls itself \"{_identity}\"; profile {_profile.Name} is for {string.Join(" or ", _profile.Identities)}.");
        foreach (var command in _profile.Remote)
            await SetAsync(command, cancel, checkError: false);
    }

    /// <inheritdoc/>
    public bool Holds(Step step) => Volatile.Read(ref _held) is { } held && ScpiPlan.Of(step, _profile, held.Sinks) is { } plan
        && _profile.Same(plan.Volt, held.Volt) && _profile.Same(plan.Level, held.Level);

    /// <inheritdoc/>
    public async Task<string?> BeginAsync(Step step, CancellationToken cancel)
    {
        if (Last is not { Output: OutputState.Off } && !await OffAsync(cancel))
            return "set_refused: the output does not go off before a new step";
        var measured = await NumberAsync(_profile.MeasureVolt, cancel);
        var plan = ScpiPlan.Of(step, _profile, step.Kind == Step.Types.Kind.Cv ? _profile.Sinks && measured > step.Volt : null);
        try
        {
            await ClearErrorsAsync(cancel);
            await GuardAsync(step, measured, cancel);
            foreach (var mode in plan.Mode)
                await SetAsync(mode, cancel);
            await SetPointAsync(_profile.Volt, plan.Volt, cancel);
            await SetPointAsync(plan.Value, plan.Level, cancel);
            await SetAsync(_profile.On, cancel);
        }
        catch (ScpiRefusedException e)
        {
            return $"set_refused: {e.Message}";
        }
        Volatile.Write(ref _held, new ScpiHeld(plan.Volt, plan.Level, plan.Sinks));
        var proof = await Feed.WaitAsync(r => r.Output == OutputState.On, TimeSpan.FromSeconds(3), cancel);
        return proof is null ? "set_refused: the device does not show its output on" : Holds(step) ? null : "set_refused: the device does not hold the set values once it is on";
    }

    /// <inheritdoc/>
    public async Task<bool> OffAsync(CancellationToken cancel)
    {
        for (var attempt = 0; attempt < OffAttempts; attempt++)
        {
            try
            {
                await SetAsync(_profile.Off, cancel, checkError: false);
                if (!await _line.AskAsync(_profile.AskOutput, ScpiText.Flag, cancel) && Math.Abs(await NumberAsync(_profile.MeasureAmpere, cancel)) <= _profile.IdleAmpere)
                {
                    await Feed.WaitAsync(r => r.Output == OutputState.Off, TimeSpan.FromSeconds(1), cancel);
                    return true;
                }
            }
            catch (NoReplyException)
            {
                // Asked again: a lost answer is no proof that the output is on.
            }
            catch (ScpiRefusedException)
            {
                // A refused off is told by the proof that fails.
            }
        }
        return false;
    }

    /// <summary>Nothing is due: every poll feeds the watchdog.</summary>
    public Task KeepAliveAsync(TimeSpan intoStep, CancellationToken cancel) => Task.CompletedTask;

    /// <inheritdoc/>
    protected override async Task<Reading> PollAsync(CancellationToken cancel)
    {
        var volt = await NumberAsync(_profile.MeasureVolt, cancel);
        var ampere = await NumberAsync(_profile.MeasureAmpere, cancel) * (_profile.DrawnIsPositive ? -1 : 1);
        var on = await _line.AskAsync(_profile.AskOutput, ScpiText.Flag, cancel);
        await ReadHeldAsync(cancel);
        var trip = _profile.AskTrip.Length == 0 ? "" : await _line.AskTextAsync(_profile.AskTrip, l => l.Length < 20, cancel);
        return new Reading([volt, ampere == 0 ? 0 : ampere, volt * ampere], [])
        {
            Output = on ? OutputState.On : OutputState.Off,
            Volt = volt,
            Ampere = ampere,
            DeviceAlarm = trip.Length == 0 || trip.Equals(_profile.NoTrip, StringComparison.OrdinalIgnoreCase) ? "" : $"protection {trip}",
        };
    }

    /// <inheritdoc/>
    protected override ValueTask CloseAsync() => _line.DisposeAsync();

    private async Task ReadHeldAsync(CancellationToken cancel)
    {
        var held = Volatile.Read(ref _held);
        var now = held is null ? await FirstAsync(cancel)
            : held with { Volt = await NumberAsync(_profile.Volt.Ask, cancel), Level = await NumberAsync(held.Ask(_profile), cancel) };
        // A step that began meanwhile has put its own in place.
        Interlocked.CompareExchange(ref _held, now, held);
    }

    // After a restart the device itself says what it holds; the sign tells the direction where one command serves both.
    private async Task<ScpiHeld> FirstAsync(CancellationToken cancel)
    {
        var (volt, level) = (await NumberAsync(_profile.Volt.Ask, cancel), await NumberAsync(_profile.Ampere.Ask, cancel));
        var sinks = !_profile.Sources || level < 0;
        return new ScpiHeld(volt, level, sinks);
    }

    private async Task GuardAsync(Step step, double measured, CancellationToken cancel)
    {
        var limits = _setup.Config.Limits;
        if (_profile.OverVolt is { } volt)
            await SetPointAsync(volt, (limits.MaxVolt > 0 ? limits.MaxVolt : Math.Max(step.Volt, measured)) * 1.02, cancel);
        var most = Math.Max(limits.MaxChargeAmpere, limits.MaxDischargeAmpere);
        if (_profile.OverAmpere is { } ampere && step.Ampere > 0)
            await SetPointAsync(ampere, (most > 0 ? most : step.Ampere) * 1.05, cancel);
        if (_profile.Watchdog is not { } watchdog)
            return;
        foreach (var command in watchdog.Clear)
            await SetAsync(command, cancel);
        // A twin on scaled lab time is polled less often in its own seconds.
        var seconds = Math.Clamp(Math.Max(watchdog.Seconds, _setup.LabSpeed), 1, 3600);
        foreach (var command in watchdog.Arm)
            await SetAsync(ScpiProfile.With(command, seconds), cancel);
    }

    private async Task SetPointAsync(ScpiValue value, double number, CancellationToken cancel)
    {
        await SetAsync(ScpiProfile.With(value.Set, number), cancel);
        var read = await NumberAsync(value.Ask, cancel);
        if (!_profile.Same(number, read))
            throw new ScpiRefusedException(FormattableString.Invariant($"\"{ScpiProfile.With(value.Set, number)}\" was read back as {read}"));
    }

    private async Task SetAsync(string command, CancellationToken cancel, bool checkError = true)
    {
        if (_profile.Acknowledge.Length > 0)
        {
            var answer = await _line.AskTextAsync(command, l => l.Length <= 20, cancel);
            if (answer != _profile.Acknowledge)
                throw new ScpiRefusedException($"\"{command}\" was answered {answer}, {GenesysError.Meaning(answer)}");
            return;
        }
        await _line.SendAsync(command, cancel);
        if (!checkError || _profile.Error.Length == 0)
            return;
        var error = await _line.AskAsync<(int Code, string Text)>(_profile.Error, ScpiText.Error, cancel);
        if (error.Code != 0)
            throw new ScpiRefusedException($"\"{command}\" was refused: {error.Code}, {error.Text}");
    }

    // Errors of before belong to nobody here.
    private async Task ClearErrorsAsync(CancellationToken cancel)
    {
        for (var k = 0; k < ErrorQueue && _profile.Error.Length > 0; k++)
            if ((await _line.AskAsync<(int Code, string Text)>(_profile.Error, ScpiText.Error, cancel)).Code == 0)
                return;
    }

    private Task<double> NumberAsync(string question, CancellationToken cancel) => _line.AskAsync(question, ScpiText.Number, cancel);
}
