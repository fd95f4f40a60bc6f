using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>The one place where drivers get their lines from.</summary>
public static class InstrumentLines
{
    /// <summary>Most serial lines of one agent that <see cref="LineTransport.Auto"/> leaves to System.IO.Ports.</summary>
    public const int MostPorts = 8;

    /// <summary>What a setting means for an agent with so many serial lines.</summary>
    public static LineTransport Choose(LineTransport asked, int serialLines) =>
        asked != LineTransport.Auto ? asked : serialLines > MostPorts && OperatingSystem.IsLinux() ? LineTransport.Poll : LineTransport.Ports;

    /// <summary>Opens a line and starts its reader. Bounded in time: a TCP peer has 5 s to answer.</summary>
    /// <exception cref="IOException">It cannot be opened; the text names the line and the reason.</exception>
    public static IInstrumentLine Open(LineSettings settings) =>
        TcpLine.IsAddress(settings.Device) ? TcpLine.Open(settings.Device)
        : settings.Transport == LineTransport.Poll ? PollLine.Open(settings)
        : SerialLine.Open(settings);

    /// <summary>Opens the line that a channel's configuration names.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public static IInstrumentLine Open(ChannelConfig config) =>
        Open(new LineSettings { Device = config.Device, Baud = config.Baud, Parity = config.Parity, Transport = config.Transport });
}
