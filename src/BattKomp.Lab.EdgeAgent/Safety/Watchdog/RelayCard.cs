using BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Safety.Watchdog;

/// <summary>A K8090 that is told what to do and asked whether it did. A line that breaks is opened again at the next order.</summary>
public sealed class RelayCard(Func<IInstrumentLine> open, TimeProvider machine) : IAsyncDisposable
{
    private const int Attempts = 3;
    private static readonly TimeSpan AnswerTime = TimeSpan.FromMilliseconds(500);
    private IInstrumentLine? _line;

    /// <summary>Switches relays (bit 0 = relay 1); true when the card itself then reports all of them so. Never longer than <see cref="Hosting.WatchdogConfig.CardTime"/>.</summary>
    public async Task<bool> SwitchAsync(byte mask, bool on)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            try
            {
                _line ??= open();
                await _line.SendAsync(K8090Codec.Encode(on ? K8090Code.SwitchOn : K8090Code.SwitchOff, mask), CancellationToken.None);
                await _line.SendAsync(K8090Codec.Encode(K8090Code.QueryRelays), CancellationToken.None);
                if (await ConfirmedAsync(_line, mask, on))
                    return true;
            }
            catch (IOException)
            {
                await DisposeAsync();
            }
        }
        return false;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_line is { } line)
            await line.DisposeAsync();
        _line = null;
    }

    private async Task<bool> ConfirmedAsync(IInstrumentLine line, byte mask, bool on)
    {
        using var patience = new CancellationTokenSource(AnswerTime, machine);
        try
        {
            while (true)
            {
                // The pipe, not the port, is what is cancelled here: no byte is lost by it.
                var read = await line.Input.ReadAsync(patience.Token);
                var buffer = read.Buffer;
                var confirmed = false;
                while (K8090Codec.TryTake(ref buffer, K8090Code.RelayStatus, out var status))
                    confirmed = (status.First & mask) == (on ? mask : 0);
                line.Input.AdvanceTo(buffer.Start, read.Buffer.End);
                if (confirmed)
                    return true;
                if (read.IsCompleted)
                    throw new IOException("The relay card's line ended.");
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
