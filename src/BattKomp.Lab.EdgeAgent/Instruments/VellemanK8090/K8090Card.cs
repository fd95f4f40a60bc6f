using System.Buffers;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments.VellemanK8090;

/// <summary>
/// The relay card as the actor of the interlock: relays off and proved off by the card's own status. Masks: bit 0 = relay 1. Failures of the line are
/// <see cref="IOException"/>; every call is bounded in time (see <see cref="Bound"/>).
/// </summary>
public sealed class K8090Card(IInstrumentLine line, TimeProvider machine) : IAsyncDisposable
{
    /// <summary>Longest time of one call, line up or not.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(3);

    private const int Attempts = 3;
    private readonly RequestLine _asks = new(line, new RequestTiming(TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(4)), machine);

    /// <summary>The card's default line settings.</summary>
    public static LineDefaults Line { get; } = new(19200);

    /// <summary>Takes relays off; true when the card itself shows all of them off. The order is on the wire before anything is asked.</summary>
    public Task<bool> OpenAsync(byte relays, CancellationToken cancel = default) => SwitchAsync(K8090Code.SwitchOff, relays, 0, cancel);

    /// <summary>Switches relays on; true when the card itself shows all of them on.</summary>
    public Task<bool> CloseAsync(byte relays, CancellationToken cancel = default) => SwitchAsync(K8090Code.SwitchOn, relays, relays, cancel);

    /// <summary>The relays that are on.</summary>
    /// <exception cref="NoReplyException">The card does not answer.</exception>
    public async Task<byte> StatusAsync(CancellationToken cancel = default) => (await PacketAsync(cancel)).First;

    /// <summary>The relays that a timer of the card will take off.</summary>
    /// <exception cref="NoReplyException">The card does not answer.</exception>
    public async Task<byte> TimedAsync(CancellationToken cancel = default) => (await PacketAsync(cancel)).Second;

    /// <summary>"2010 week 1".</summary>
    /// <exception cref="NoReplyException">The card does not answer.</exception>
    public async Task<string> FirmwareAsync(CancellationToken cancel = default)
    {
        var packet = await AskAsync(K8090Code.Firmware, K8090Code.Firmware, cancel);
        return $"{2000 + packet.First} week {packet.Second}";
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _asks.DisposeAsync();

    /// <summary>The card's status packet: before, now, timed.</summary>
    internal Task<K8090Packet> PacketAsync(CancellationToken cancel) => AskAsync(K8090Code.QueryRelays, K8090Code.RelayStatus, cancel);

    private async Task<bool> SwitchAsync(K8090Code order, byte relays, byte wanted, CancellationToken cancel)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            await _asks.SendAsync(K8090Codec.Encode(order, relays), cancel);
            try
            {
                var now = await AskAsync(K8090Code.QueryRelays, K8090Code.RelayStatus, cancel, attempts: 1);
                if ((now.First & relays) == wanted)
                    return true;
            }
            catch (NoReplyException)
            {
                // The order is sent again: an order that was lost costs more than one sent twice.
            }
        }
        return false;
    }

    private Task<K8090Packet> AskAsync(K8090Code question, K8090Code answer, CancellationToken cancel, int attempts = 2)
    {
        bool Take(ref ReadOnlySequence<byte> input, out K8090Packet packet) => K8090Codec.TryTake(ref input, answer, out packet);
        return _asks.AskAsync<K8090Packet>(K8090Codec.Encode(question), Take, $"K8090 {question}", attempts, cancel);
    }
}
