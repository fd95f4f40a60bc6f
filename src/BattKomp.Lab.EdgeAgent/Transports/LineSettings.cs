using System.IO.Ports;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>How a serial port is set: 8 data bits, 1 stop bit. On a pseudo-terminal speed and parity are accepted and mean nothing.</summary>
public record SerialSettings
{
    /// <summary>Device path, best one under /dev/serial/by-id.</summary>
    public required string Device { get; init; }

    /// <summary>Bits per second.</summary>
    public int Baud { get; init; } = 9600;

    /// <summary>Parity bit.</summary>
    public Parity Parity { get; init; } = Parity.None;

    /// <summary>Raises DTR; a pseudo-terminal refuses it.</summary>
    public bool Dtr { get; init; }

    /// <summary>Raises RTS; a pseudo-terminal refuses it.</summary>
    public bool Rts { get; init; }
}

/// <summary>Which code reads serial ports.</summary>
public enum LineTransport
{
    /// <summary>System.IO.Ports for a few ports, one poll thread for many.</summary>
    Auto,

    /// <summary>System.IO.Ports: about 0.7 % of a core a port on Linux.</summary>
    Ports,

    /// <summary>Raw descriptors under one native poll(); Linux only.</summary>
    Poll,
}

/// <summary>A line to an instrument: <see cref="SerialSettings.Device"/> is a serial device path, or tcp://host:port, where the serial settings mean nothing.</summary>
public sealed record LineSettings : SerialSettings
{
    /// <summary>Which code reads the port; Auto = System.IO.Ports.</summary>
    public LineTransport Transport { get; init; }
}
