using System.IO.Ports;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>
/// A serial port of System.IO.Ports with one perpetual reader into a pipe: no read is ever cancelled (a cancelled read loses bytes), deadlines belong to
/// whoever reads the pipe. The first error abandons the port object, which is disposed on a spare thread because that can hang after an unplug.
/// </summary>
public sealed class SerialLine : PipedLine
{
    private const int ReadBytes = 4096;
    private readonly SerialPort _port;
    private readonly DeviceClaim? _claim;
    private readonly DeviceWatch _watch;

    private SerialLine(SerialPort port, DeviceClaim? claim, SerialSettings settings)
        : base(settings.Device, bound: 0, bytesPerSecond: settings.Baud / 12.0)
    {
        (_port, _claim) = (port, claim);
        _watch = DeviceWatch.Begin(settings.Device, Break);
    }

    /// <summary>Opens a port, claims it, and starts its reader.</summary>
    /// <exception cref="IOException">The port cannot be opened; the text names it and the system's reason.</exception>
    public static SerialLine Open(SerialSettings settings)
    {
        var claim = DeviceClaim.Take(settings.Device);
        // A pseudo-terminal keeps no parity bit, and refuses a client that comes back when parity is all that it would change.
        var parity = DeviceWatch.IsPseudoTerminal(settings.Device) ? Parity.None : settings.Parity;
        var port = new SerialPort(settings.Device, settings.Baud, parity, 8, StopBits.One) { WriteTimeout = 2000 };
        try
        {
            port.Open();
            // Setting these at all is an error on a pseudo-terminal, so only when asked for.
            if (settings.Dtr)
                port.DtrEnable = true;
            if (settings.Rts)
                port.RtsEnable = true;
            port.DiscardInBuffer();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            claim?.Dispose();
            DisposeAside(port);
            throw new IOException($"The serial port {settings.Device} cannot be opened: {e.Message}", e);
        }
        var line = new SerialLine(port, claim, settings);
        _ = Task.Run(line.ReadForeverAsync);
        return line;
    }

    /// <inheritdoc/>
    protected override Task WriteAsync(ReadOnlyMemory<byte> bytes) => _port.BaseStream.WriteAsync(bytes, CancellationToken.None).AsTask();

    /// <inheritdoc/>
    protected override void Release()
    {
        _watch.Dispose();
        _claim?.Dispose();
        DisposeAside(_port);
    }

    private async Task ReadForeverAsync()
    {
        var buffer = new byte[ReadBytes];
        try
        {
            var stream = _port.BaseStream;
            while (!Broken)
            {
                // No token: a cancelled read on Linux has been seen to lose the bytes it had taken.
                var read = await stream.ReadAsync(buffer, CancellationToken.None);
                if (read == 0)
                    throw new IOException("the device hung up");
                await Deliver(buffer.AsSpan(0, read));
            }
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    private static void DisposeAside(SerialPort port) =>
        new Thread(() =>
        {
            try
            {
                port.Dispose();
            }
            catch (Exception e) when (e is IOException or InvalidOperationException or UnauthorizedAccessException)
            {
                // Nobody is left to tell: the object is abandoned either way.
            }
        })
        { IsBackground = true, Name = "serial-dispose" }.Start();
}
