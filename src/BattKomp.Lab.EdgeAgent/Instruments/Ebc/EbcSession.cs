using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>
/// One standing connection to an EBC: reads reports for as long as the line lives and keeps the last ones, sends orders. Every wait has a deadline; any
/// failure is an <see cref="IOException"/>, after which the session is over.
/// </summary>
public sealed class EbcSession : IAsyncDisposable
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(3);
    private readonly IInstrumentLine _line;
    private readonly Action<EbcReport> _onReport;
    private readonly TimeProvider _machine;
    private readonly Task _reading;
    private readonly Lock _gate = new();
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private EbcReport? _last;
    private EbcSettings? _settings;
    private long _reports;

    private EbcSession(IInstrumentLine line, Action<EbcReport> onReport, TimeProvider machine)
    {
        (_line, _onReport, _machine) = (line, onReport, machine);
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Model byte of the device.</summary>
    public byte Model { get; private set; }

    /// <summary>Version × 100; null until a firmware report came.</summary>
    public int? Firmware { get; private set; }

    /// <summary>The last report.</summary>
    public EbcReport? Last
    {
        get
        {
            lock (_gate)
                return _last;
        }
    }

    /// <summary>What the device calls itself, as far as its protocol says.</summary>
    public string Identity => $"EBC-{Model switch { 0x05 => "A05", 0x06 => "A10H", 0x09 => "A20", _ => $"?{Model:X2}" }}{(Firmware is { } f ? $" firmware {f / 100}.{f % 100 / 10}.{f % 10}" : "")}";

    /// <summary>Connects and identifies: the device must report with a model that this driver knows.</summary>
    public static async Task<EbcSession> ConnectAsync(IInstrumentLine line, Action<EbcReport> onReport, TimeProvider machine, CancellationToken cancel)
    {
        var session = new EbcSession(line, onReport, machine);
        try
        {
            await line.SendAsync(EbcCodec.Encode(EbcCommand.Connect), cancel);
            var first = await session.WaitAsync(r => r.ChecksumValid, Silence, cancel) ?? throw new IOException("No EBC reports within 3 s after connect; check device path, cable and parity.");
            session.Model = first.Model;
            if (first.Model is not (0x05 or 0x06 or 0x09))
                throw new IOException($"The device calls itself model {first.Model:X2}; this driver knows EBC-A05, A10H and A20.");
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
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
    public async Task<bool> StopAsync(CancellationToken cancel)
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

    /// <summary>As <see cref="WaitAsync"/> for the next report of any kind, but silence is a broken line.</summary>
    public async Task<EbcReport> NextAsync(CancellationToken cancel) =>
        await WaitAsync(_ => true, Silence, cancel) ?? throw new IOException("The device fell silent for 3 s.");

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

    private void Arrive(EbcReport report)
    {
        TaskCompletionSource arrived;
        lock (_gate)
        {
            _last = report;
            _settings = report.Settings ?? _settings;
            Firmware = report.Firmware ?? Firmware;
            _reports++;
            arrived = _arrived;
            _arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        _onReport(report);
        arrived.TrySetResult();
    }
}
