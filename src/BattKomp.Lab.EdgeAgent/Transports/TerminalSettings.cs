using System.IO.Ports;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>Puts a serial descriptor into raw mode at a speed and parity: every byte value passes unchanged both ways.</summary>
internal static class TerminalSettings
{
    private const uint TwoStopBits = 0x40, Receive = 0x80, ParityOn = 0x100, ParityOdd = 0x200, HangUpOnClose = 0x400, IgnoreModem = 0x800, ParityStick = 0x4000_0000, HardwareFlow = 0x8000_0000;

    // Bits per second → the kernel's code for it.
    private static readonly SortedDictionary<int, uint> Speeds = new()
    {
        [1200] = 0x9,
        [2400] = 0xB,
        [4800] = 0xC,
        [9600] = 0xD,
        [19200] = 0xE,
        [38400] = 0xF,
        [57600] = 0x1001,
        [115200] = 0x1002,
        [230400] = 0x1003,
        [460800] = 0x1004,
        [500000] = 0x1005,
        [576000] = 0x1006,
        [921600] = 0x1007,
        [1000000] = 0x1008,
        [1500000] = 0x100A,
        [2000000] = 0x100B,
    };

    /// <summary>Applies the settings and drops what had arrived before.</summary>
    /// <exception cref="IOException">The device refuses them.</exception>
    public static void Apply(int descriptor, SerialSettings settings, bool pseudoTerminal)
    {
        if (!Speeds.TryGetValue(settings.Baud, out var speed))
            throw new IOException($"baud {settings.Baud} is not a speed of the poll transport; use one of {string.Join(", ", Speeds.Keys)}, or \"transport\":\"ports\"");
        if (Native.GetSettings(descriptor, out var termios) != 0)
            throw Native.Failure("its settings cannot be read");
        Native.MakeRaw(ref termios);
        termios.Control &= ~(TwoStopBits | ParityOn | ParityOdd | ParityStick | HardwareFlow | HangUpOnClose);
        termios.Control |= Receive | IgnoreModem;
        // A pseudo-terminal keeps no parity bit and calls asking for one an error.
        if (!pseudoTerminal)
            termios.Control |= ParityOf(settings.Parity);
        _ = Native.SetSpeed(ref termios, speed);
        if (Native.SetSettings(descriptor, 0, termios) != 0)
            throw Native.Failure($"it does not take {settings.Baud} baud, parity {settings.Parity}");
        Raise(descriptor, settings, pseudoTerminal);
        _ = Native.Flush(descriptor, Native.FlushInput);
    }

    private static uint ParityOf(Parity parity) => parity switch
    {
        Parity.Even => ParityOn,
        Parity.Odd => ParityOn | ParityOdd,
        Parity.Mark => ParityOn | ParityOdd | ParityStick,
        Parity.Space => ParityOn | ParityStick,
        _ => 0,
    };

    // The kernel raises both at open. What is not asked for is dropped where the device has such lines at all.
    private static void Raise(int descriptor, SerialSettings settings, bool pseudoTerminal)
    {
        var up = (settings.Dtr ? Native.DataTerminalReady : 0) | (settings.Rts ? Native.RequestToSend : 0);
        var down = (Native.DataTerminalReady | Native.RequestToSend) & ~up;
        if (up != 0 && Native.Control(descriptor, Native.RaiseModemLines, in up) != 0)
            throw Native.Failure("it cannot raise DTR or RTS (set dtr and rts to false)");
        if (!pseudoTerminal && down != 0)
            _ = Native.Control(descriptor, Native.DropModemLines, in down);
    }
}
