using System.IO.Pipelines;
using System.IO.Ports;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>How a serial port is set. On a pseudo-terminal speed and parity are accepted and mean nothing.</summary>
public sealed record SerialSettings
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

/// <summary>A byte line to an instrument. Broken once, it stays broken: a new one is opened.</summary>
public interface IInstrumentLine : IAsyncDisposable
{
    /// <summary>What arrives. Completes with the error when the line breaks.</summary>
    PipeReader Input { get; }

    /// <summary>Sends bytes; throws <see cref="IOException"/> when the line is or gets broken.</summary>
    Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);
}

/// <summary>
/// A serial port with one perpetual reader into a pipe: no read is ever cancelled (a cancelled read loses bytes), deadlines belong to whoever reads the
/// pipe. The first error abandons the port object, which is disposed on a spare thread because that can hang after an unplug.
/// </summary>
public sealed class SerialLine : IInstrumentLine
{
    private const int ReadBytes = 4096;
    private readonly SerialPort _port;
    private readonly Pipe _pipe = new(new PipeOptions(pauseWriterThreshold: 0));
    private int _abandoned;

    private SerialLine(SerialPort port) => _port = port;

    /// <inheritdoc/>
    public PipeReader Input => _pipe.Reader;

    /// <summary>Opens a port and starts its reader.</summary>
    /// <exception cref="IOException">The port cannot be opened; the text names it and the system's reason.</exception>
    public static SerialLine Open(SerialSettings settings)
    {
        var port = new SerialPort(settings.Device, settings.Baud, settings.Parity, 8, StopBits.One) { WriteTimeout = 2000 };
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
            DisposeAside(port);
            throw new IOException($"The serial port {settings.Device} cannot be opened: {e.Message}", e);
        }
        var line = new SerialLine(port);
        _ = Task.Run(line.ReadForeverAsync);
        return line;
    }

    /// <inheritdoc/>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        if (Volatile.Read(ref _abandoned) != 0)
            throw new IOException("The serial line is broken.");
        try
        {
            await _port.BaseStream.WriteAsync(bytes, cancel);
        }
        catch (Exception e) when (e is IOException or TimeoutException or InvalidOperationException or UnauthorizedAccessException)
        {
            Abandon(e);
            throw new IOException($"The serial line broke while writing: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Abandon(null);
        return ValueTask.CompletedTask;
    }

    private async Task ReadForeverAsync()
    {
        try
        {
            var stream = _port.BaseStream;
            while (Volatile.Read(ref _abandoned) == 0)
            {
                // CA2016 does not apply: a cancelled read on Linux has been seen to lose the bytes it had taken.
                var read = await stream.ReadAsync(_pipe.Writer.GetMemory(ReadBytes), CancellationToken.None);
                if (read == 0)
                    throw new IOException("The serial line ended.");
                _pipe.Writer.Advance(read);
                await _pipe.Writer.FlushAsync(CancellationToken.None);
            }
        }
        catch (Exception e)
        {
            Abandon(e);
        }
    }

    private void Abandon(Exception? error)
    {
        if (Interlocked.Exchange(ref _abandoned, 1) != 0)
            return;
        _pipe.Writer.Complete(new IOException($"The serial line broke: {error?.Message ?? "closed"}", error));
        DisposeAside(_port);
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
