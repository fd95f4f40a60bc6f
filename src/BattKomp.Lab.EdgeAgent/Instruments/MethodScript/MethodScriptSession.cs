using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.MethodScript;

/// <summary>
/// One connection to a potentiostat. Between steps it asks for the open-circuit voltage; a step is a script that the device carries out and ends by itself,
/// cell off. A script that was running when the agent came is aborted: the device cannot say which one it is.
/// </summary>
public sealed class MethodScriptSession : IPoweredSession
{
    private const string IdleScript = "e\nvar p\nset_pgstat_chan 0\nset_pgstat_mode 2\nmeas_loop_ocp p 100m 100m\n  pck_start\n    pck_add p\n  pck_end\nendloop\non_finished:\n  cell_off\n\n";
    private const string OffScript = "e\ncell_off\n\n";
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan IdleInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);
    private readonly SessionSetup _setup;
    private readonly MethodScriptLine _line;
    private readonly ReadingFeed _feed;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _stop = new();
    private Task _idling = Task.CompletedTask;
    private volatile Step? _step;
    private volatile bool _running;
    private volatile string _alarm = "";
    private int _output = (int)OutputState.Off;
    private long _heard;

    private MethodScriptSession(SessionSetup setup)
    {
        _setup = setup;
        // What only says that a script still runs, or has ended, measures nothing and is no record.
        _feed = new ReadingFeed(r => { if (Array.Exists(r.Values, v => !double.IsNaN(v))) setup.OnReading(r); }, Silence, setup.Machine);
        _line = new MethodScriptLine(setup.Line, setup.Machine, Came, _feed.Fail);
    }

    /// <inheritdoc/>
    public string Identity { get; private set; } = "";

    /// <inheritdoc/>
    public Reading? Last => _feed.Last;

    /// <inheritdoc/>
    public bool EndsSteps => true;

    private OutputState Output
    {
        get => (OutputState)Volatile.Read(ref _output);
        set => Volatile.Write(ref _output, (int)value);
    }

    /// <summary>Aborts what runs, identifies the device, begins to watch the open-circuit voltage.</summary>
    /// <exception cref="IOException">Nothing answers as a potentiostat does.</exception>
    public static async Task<MethodScriptSession> ConnectAsync(SessionSetup setup, CancellationToken cancel)
    {
        var session = new MethodScriptSession(setup);
        try
        {
            session._line.Start();
            await session.SyncAsync(cancel);
            var end = session._line.Expect(l => l.EndsWith('*'));
            var version = await session._line.AskAsync("t\n", l => l.StartsWith('t') && l.Length > 1, Quick, cancel)
                ?? throw new IOException("No answer to the version query t within 2 s; check device path and speed (EmStat Pico 230400, EmStat4 921600).");
            if (!version.EndsWith('*') && await session._line.AwaitAsync(end, Quick, cancel) is { } rest)
                version += rest;
            session.Identity = version[1..].TrimEnd('*').Trim();
            if (!await session.RunToEndAsync(OffScript, cancel))
                throw new IOException($"{session.Identity} does not carry out a script that switches the cell off.");
            session._feed.Arrive(session.Empty());
            session._idling = Task.Run(() => session.IdleAsync(session._stop.Token), cancel);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<Reading> NextAsync(CancellationToken cancel) => _feed.NextAsync(cancel);

    /// <summary>The script carries the settings and cannot be changed: what was sent is what runs.</summary>
    public bool Holds(Step step) => _step is { } mine && mine.Equals(step);

    /// <inheritdoc/>
    public async Task<string?> BeginAsync(Step step, CancellationToken cancel)
    {
        if (_running && !await OffAsync(cancel))
            return "set_refused: the script before does not end";
        await _turn.WaitAsync(cancel);
        try
        {
            _alarm = "";
            // The marker of the last loop proves that the measurement, and with it the cell, has begun.
            var script = ScriptBuilder.Of(step);
            var loops = script.Split("meas_loop").Length - 1;
            var begun = _line.Expect(l => (l.StartsWith('M') && Interlocked.Decrement(ref loops) == 0) || IsError(l));
            (_running, Output, _step) = (true, OutputState.On, step.Clone());
            Heard();
            var accepted = await _line.AskAsync(script, l => l == "e" || IsError(l), Quick, cancel);
            if (accepted == "e" && await _line.AwaitAsync(begun, Silence, cancel) is { } first && !IsError(first))
                return null;
            var why = _alarm.Length > 0 ? _alarm : accepted is null ? "the device does not accept the script" : "the measurement does not begin";
            (_running, Output, _step, _alarm) = (false, OutputState.Unknown, null, "");
            return $"set_refused: {why}";
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<bool> OffAsync(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            for (var attempt = 0; attempt < 2; attempt++)
            {
                // From here on the script's end is an abort, not a step that finished.
                _running = false;
                await SyncAsync(cancel);
                if (!await RunToEndAsync(OffScript, cancel))
                    continue;
                (Output, _step) = (OutputState.Off, null);
                _feed.Arrive(Empty());
                return true;
            }
            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Nothing is due: cut-off and duration are in the script.</summary>
    public Task KeepAliveAsync(TimeSpan intoStep, CancellationToken cancel) => Task.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _line.DisposeAsync();
        await _idling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    // Z is answered Z, then the script's end; or Z!0006 when nothing ran.
    private async Task SyncAsync(CancellationToken cancel)
    {
        var end = _line.Expect(l => l.Length == 0);
        if (await _line.AskAsync("Z\n", l => l.StartsWith('Z'), Quick, cancel) == "Z")
            await _line.AwaitAsync(end, Quick, cancel);
    }

    private async Task<bool> RunToEndAsync(string script, CancellationToken cancel)
    {
        var accepted = _line.Expect(l => l == "e" || IsError(l));
        var end = await _line.AskAsync(script, l => l.Length == 0 || IsError(l), Quick, cancel);
        return end is { Length: 0 } && await _line.AwaitAsync(accepted, Quick, cancel) == "e";
    }

    private async Task IdleAsync(CancellationToken stop)
    {
        try
        {
            using var timer = new PeriodicTimer(IdleInterval, _setup.Machine);
            while (await timer.WaitForNextTickAsync(stop))
                await BeatAsync(stop);
        }
        catch (Exception e)
        {
            _feed.Fail(stop.IsCancellationRequested ? new IOException("The session was closed.", e) : e);
        }
    }

    private async Task BeatAsync(CancellationToken stop)
    {
        if (_running)
        {
            // A low frequency takes its time; the runner still judges time and lease.
            if (_setup.Machine.GetElapsedTime(Volatile.Read(ref _heard)) > Patience(_step))
                throw new IOException("The script says nothing any more.");
            _feed.Arrive(Empty());
            return;
        }
        if (!await _turn.WaitAsync(TimeSpan.Zero, stop))
            return;
        try
        {
            if (!_running && !await RunToEndAsync(IdleScript, stop))
                throw new NoReplyException("The potentiostat does not measure the open-circuit voltage within 2 s.");
        }
        finally
        {
            _turn.Release();
        }
    }

    private TimeSpan Patience(Step? step)
    {
        var slowest = step?.Eis is { } sweep ? 5 / sweep.ToHertz : 0;
        return Silence + TimeSpan.FromSeconds(Math.Min(3600, slowest / Math.Max(1e-3, _setup.LabSpeed)));
    }

    private void Heard() => Volatile.Write(ref _heard, _setup.Machine.GetTimestamp());

    private void Came(string text)
    {
        Heard();
        if (MethodScriptError.TryRead(text) is { } error && !text.StartsWith('Z'))
            _alarm = $"script error {error.Code}, {error.Meaning} {error.Where}".TrimEnd();
        else if (text.StartsWith('P') && MethodScriptCodec.TryRead(text, out _) is { } package)
            _feed.Arrive(ReadingOf(package));
        else if (text.Length == 0 && _running)
        {
            (_running, Output) = (false, _alarm.Length > 0 ? OutputState.Off : OutputState.Finished);
            _feed.Arrive(Empty());
        }
    }

    private static bool IsError(string text) => MethodScriptError.TryRead(text) is not null && !text.StartsWith('Z');

    private Reading Empty() => new([double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN], [""]) { Output = Output, DeviceAlarm = _alarm };

    private Reading ReadingOf(IReadOnlyList<MethodScriptVariable> package)
    {
        double Of(params ReadOnlySpan<string> types)
        {
            foreach (var type in types)
                foreach (var variable in package)
                    if (variable.Type == type)
                        return variable.Value;
            return double.NaN;
        }
        var (volt, ampere) = (Of("ab", "da"), Of("ba", "db"));
        var status = package.Aggregate(0, (bits, v) => bits | (v.Status ?? 0));
        return new Reading([volt, ampere, Of("dc"), Of("cc"), Of("cd"), Of("eb")], [MethodScriptCodec.StatusText(status)])
        {
            Output = Output,
            Volt = volt,
            Ampere = ampere,
            // An overloaded input shows less than there is.
            Quality = (status & 2) != 0 ? Quality.Suspect : Quality.Good,
            DeviceAlarm = _alarm,
        };
    }
}
