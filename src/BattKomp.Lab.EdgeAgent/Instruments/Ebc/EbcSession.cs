using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>
/// One standing connection to an EBC: reads reports for as long as the line lives and keeps the last ones, sends orders. Every wait has a deadline; any
/// failure is an <see cref="IOException"/>, after which the session is over.
/// </summary>
public sealed class EbcSession : IPoweredSession
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SetTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SyncInterval = TimeSpan.FromSeconds(1);
    private readonly IInstrumentLine _line;
    private readonly Action<Reading> _onReading;
    private readonly TimeProvider _machine;
    private readonly Task _reading;
    private readonly Lock _gate = new();
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private EbcReport? _last;
    private Reading? _lastReading;
    private int _syncedMinutes;
    private long _syncedAt;
    private EbcSettings? _settings;
    private long _reports;

    private EbcSession(IInstrumentLine line, Action<Reading> onReading, TimeProvider machine)
    {
        (_line, _onReading, _machine) = (line, onReading, machine);
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Model byte of the device.</summary>
    public byte Model { get; private set; }

    /// <summary>Version × 100; null until a firmware report came.</summary>
    public int? Firmware { get; private set; }

    /// <inheritdoc/>
    public Reading? Last
    {
        get
        {
            lock (_gate)
                return _lastReading;
        }
    }

    /// <inheritdoc/>
    public bool EndsSteps => true;

    /// <summary>What the device calls itself, as far as its protocol says.</summary>
    public string Identity => $"EBC-{Model switch { 0x05 => "A05", 0x06 => "A10H", 0x09 => "A20", _ => $"?{Model:X2}" }}{(Firmware is { } f ? $" firmware {f / 100}.{f % 100 / 10}.{f % 10}" : "")}";

    /// <summary>Connects and identifies: the device must report with a model that this driver knows.</summary>
    public static async Task<EbcSession> ConnectAsync(IInstrumentLine line, Action<Reading> onReading, TimeProvider machine, CancellationToken cancel)
    {
        var session = new EbcSession(line, onReading, machine);
        try
        {
            await line.SendAsync(EbcCodec.Encode(EbcCommand.Connect), cancel);
            var first = await session.WaitAsync(r => r.ChecksumValid, Silence, cancel) ?? throw new IOException("No EBC reports within 3 s after connect; check device path, cable and parity.");
            session.Model = first.Model;
            if (EbcModel.Of(first.Model) is null)
                throw new IOException($"The device calls itself model {first.Model:X2}; this driver knows EBC-A05, A10H and A20.");
            // The first reports after connect carry the firmware in place of the set values; both are needed before anything is judged.
            if (session.Settings is null && await session.WaitAsync(r => r.Settings is not null, Silence, cancel) is null)
                throw new IOException("The EBC reports no set values within 3 s after connect; it is asked again.");
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool Holds(Step step)
    {
        var (mode, settings) = EbcSteps.Of(step);
        lock (_gate)
            return _last is { } now && now.Mode == mode && _settings == settings;
    }

    /// <inheritdoc/>
    public string SetValues
    {
        get
        {
            lock (_gate)
                return _last is { } now ? $"{now.Mode}, {now.Phase}, {_settings}{(now.ChecksumValid ? "" : ", checksum wrong")}" : "";
        }
    }

    /// <inheritdoc/>
    public async Task<string?> BeginAsync(Step step, CancellationToken cancel)
    {
        if (EbcModel.Of(Model)?.Fault(step) is { } fault)
            return $"set_refused: {fault}";
        if (Last is { Output: not OutputState.Off })
            await OffAsync(cancel);
        var (mode, settings) = EbcSteps.Of(step);
        _syncedMinutes = 0;
        return await SetAsync(EbcCommand.Start, mode, settings, SetTime, cancel) ? null : "set_refused: the device's reports do not show the set values";
    }

    // Once a lab minute, but never faster than once a second of machine time on a scaled clock.
    /// <inheritdoc/>
    public async Task KeepAliveAsync(TimeSpan intoStep, CancellationToken cancel)
    {
        var minutes = (int)Math.Min(999, intoStep.TotalMinutes);
        if (minutes == 0 || minutes == _syncedMinutes || _machine.GetElapsedTime(_syncedAt) < SyncInterval)
            return;
        (_syncedMinutes, _syncedAt) = (minutes, _machine.GetTimestamp());
        await SyncMinuteAsync(minutes, cancel);
    }

    /// <summary>Sends an order; a start, adjust or resume must be proved by the reports that follow, with exactly these set values.</summary>
    public async Task<bool> SetAsync(EbcCommand command, EbcMode mode, EbcSettings settings, TimeSpan within, CancellationToken cancel)
    {
        await _line.SendAsync(EbcCodec.Encode(command, mode, settings), cancel);
        return await WaitAsync(r => r.ChecksumValid && r.Mode == mode && r.Phase != EbcPhase.Idle && r.Settings == settings, within, cancel) is not null;
    }

    /// <summary>Tells the device how many minutes the host has counted.</summary>
    public Task SyncMinuteAsync(int minutes, CancellationToken cancel) => _line.SendAsync(EbcCodec.Encode(EbcCommand.MinuteSync, minutes), cancel);

    /// <summary>Switches the output off, up to three times; true when a report shows that no current flows.</summary>
    public async Task<bool> OffAsync(CancellationToken cancel)
    {
        for (var attempt = 0; attempt < 3; attempt++)
        {
            await _line.SendAsync(EbcCodec.Encode(EbcCommand.Stop), cancel);
            if (await WaitAsync(r => r.Phase != EbcPhase.Active, TimeSpan.FromSeconds(1), cancel) is not null)
                return true;
        }
        return false;
    }

    /// <summary>The set values that the device last reported; null when it has not yet.</summary>
    public EbcSettings? Settings
    {
        get
        {
            lock (_gate)
                return _settings;
        }
    }

    /// <summary>Waits for a report that arrives from now on and fits; null after the time is up.</summary>
    public async Task<EbcReport?> WaitAsync(Func<EbcReport, bool> fits, TimeSpan within, CancellationToken cancel)
    {
        var started = _machine.GetTimestamp();
        long seen;
        lock (_gate)
            seen = _reports;
        while (true)
        {
            Task arrived;
            lock (_gate)
            {
                if (_reports > seen && _last is { } report && fits(report))
                    return report;
                seen = _reports;
                arrived = _arrived.Task;
            }
            var left = within - _machine.GetElapsedTime(started);
            if (left <= TimeSpan.Zero)
                return null;
            try
            {
                await arrived.WaitAsync(left, _machine, cancel);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }
    }

    /// <inheritdoc/>
    public async Task<Reading> NextAsync(CancellationToken cancel) =>
        await WaitAsync(_ => true, Silence, cancel) is { } report ? ReadingOf(report) : throw new IOException("The device fell silent for 3 s.");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _line.DisposeAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ReadAsync()
    {
        try
        {
            while (true)
            {
                var read = await _line.Input.ReadAsync();
                var buffer = read.Buffer;
                while (EbcCodec.TryReadReport(ref buffer, out var report, out _))
                    Arrive(report);
                _line.Input.AdvanceTo(buffer.Start, read.Buffer.End);
                if (read.IsCompleted)
                    throw new IOException("The serial line ended.");
            }
        }
        catch (Exception e)
        {
            lock (_gate)
                _arrived.TrySetException(e as IOException ?? new IOException($"The serial line broke: {e.Message}", e));
        }
    }

    private static Reading ReadingOf(EbcReport report) => new([report.Volt, report.SignedAmpere, report.AmpereHour], [])
    {
        Quality = report.ChecksumValid ? Quality.Good : Quality.Suspect,
        Output = report.Phase switch { EbcPhase.Active => OutputState.On, EbcPhase.Finished => OutputState.Finished, _ => OutputState.Off },
        Volt = report.Volt,
        Ampere = report.SignedAmpere,
    };

    private void Arrive(EbcReport report)
    {
        TaskCompletionSource arrived;
        var reading = ReadingOf(report);
        lock (_gate)
        {
            (_last, _lastReading) = (report, reading);
            _settings = report.Settings ?? _settings;
            Firmware = report.Firmware ?? Firmware;
            _reports++;
            arrived = _arrived;
            _arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        _onReading(reading);
        arrived.TrySetResult();
    }
}
