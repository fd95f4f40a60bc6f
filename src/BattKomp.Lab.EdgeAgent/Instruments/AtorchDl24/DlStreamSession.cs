using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;

/// <summary>One connection to a meter that sends FF55 reports once a second; nothing is ever sent to it.</summary>
public sealed class DlStreamSession : IInstrumentSession
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(4);
    private readonly IInstrumentLine _line;
    private readonly ReadingFeed _feed;
    private readonly Task _reading;

    private DlStreamSession(SessionSetup setup)
    {
        _line = setup.Line;
        _feed = new ReadingFeed(setup.OnReading, Silence, setup.Machine);
        _reading = Task.Run(ReadAsync);
    }

    /// <inheritdoc/>
    public string Identity => "Atorch DC meter (FF55)";

    /// <inheritdoc/>
    public Reading? Last => _feed.Last;

    /// <summary>Connects; the first report must come within 4 s.</summary>
    /// <exception cref="IOException">None came.</exception>
    public static async Task<IInstrumentSession> ConnectAsync(SessionSetup setup, CancellationToken cancel)
    {
        var session = new DlStreamSession(setup);
        try
        {
            _ = session.Last ?? await session.NextAsync(cancel);
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
                while (DlCodec.TryTake(ref buffer, out var piece))
                    if (piece.Bytes is { } bytes && DlCodec.ParseDc(bytes) is { } report)
                        _feed.Arrive(ReadingOf(report));
                _line.Input.AdvanceTo(buffer.Start, read.Buffer.End);
                if (read.IsCompleted)
                    throw new IOException("The line ended.");
            }
        }
        catch (Exception e)
        {
            _feed.Fail(e);
        }
    }

    // Which way the current flows is not in the report: the meter is taken for a load.
    private static Reading ReadingOf(DlReport r) =>
        new([r.Volt, r.Ampere == 0 ? 0 : -r.Ampere, r.AmpereHour, r.WattHour, r.Celsius], []) { Volt = r.Volt, Ampere = r.Ampere == 0 ? 0 : -r.Ampere };
}
