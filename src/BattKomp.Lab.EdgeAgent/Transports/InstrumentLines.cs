using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>Opens the byte line of a channel.</summary>
public static class InstrumentLines
{
    /// <summary>Opens the line that a configuration names.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static IInstrumentLine Open(ChannelConfig config) => SerialLine.Open(new SerialSettings { Device = config.Device, Baud = config.Baud, Parity = config.Parity });
}
