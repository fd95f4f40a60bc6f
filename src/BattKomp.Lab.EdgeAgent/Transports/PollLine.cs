namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>A serial port on its raw descriptor, read by the one poll thread that all such lines share. Linux only.</summary>
public sealed class PollLine : PipedLine
{
    private readonly Lock _descriptorGate = new();
    private readonly DeviceWatch _watch;
    private readonly int _descriptor;
    private ReadOnlyMemory<byte> _unsent;
    private TaskCompletionSource? _sent;
    private bool _closed;

    private PollLine(int descriptor, SerialSettings settings)
        : base(settings.Device, bound: 0, bytesPerSecond: settings.Baud / 12.0)
    {
        _descriptor = descriptor;
        _watch = DeviceWatch.Begin(settings.Device, Break);
    }

    /// <summary>What poll() should wait for; the descriptor is negative once it is closed.</summary>
    internal Native.PollEntry Entry
    {
        get
        {
            lock (_descriptorGate)
                return new Native.PollEntry { Descriptor = _closed ? -1 : _descriptor, Events = (short)(Native.PollIn | (_sent is null ? 0 : Native.PollOut)) };
        }
    }

    /// <summary>Opens a port, claims it, and hands it to the poll thread.</summary>
    /// <exception cref="IOException">It cannot be opened; the text names it and the system's reason.</exception>
    public static PollLine Open(SerialSettings settings)
    {
        if (!OperatingSystem.IsLinux())
            throw new IOException("The poll transport needs Linux; set \"transport\":\"ports\".");
        var descriptor = Native.Open(settings.Device, Native.ReadWrite | Native.NoControllingTerminal | Native.NonBlocking | Native.CloseOnExec);
        if (descriptor < 0)
            throw Native.Failure($"The serial port {settings.Device} cannot be opened");
        try
        {
            DeviceClaim.Hold(descriptor, settings.Device);
            _ = Native.Control(descriptor, Native.SetExclusive, 0);
            TerminalSettings.Apply(descriptor, settings, DeviceWatch.IsPseudoTerminal(settings.Device));
        }
        catch (IOException e)
        {
            _ = Native.Close(descriptor);
            throw new IOException(e.Message.StartsWith("The serial port", StringComparison.Ordinal) ? e.Message : $"The serial port {settings.Device} cannot be opened: {e.Message}", e);
        }
        var line = new PollLine(descriptor, settings);
        PollLoop.Shared.Add(line);
        return line;
    }

    /// <inheritdoc/>
    protected override Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        TaskCompletionSource sent;
        lock (_descriptorGate)
        {
            _unsent = bytes;
            if (WriteSome())
                return Task.CompletedTask;
            sent = _sent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        PollLoop.Shared.Wake();
        return sent.Task;
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        _watch.Dispose();
        lock (_descriptorGate)
        {
            _closed = true;
            _sent?.TrySetException(new IOException("the line was closed"));
            // The next opener need not wait for the close, which on a real port waits for the last bytes to leave.
            _ = Native.Control(_descriptor, Native.EndExclusive, 0);
            _ = Native.Flock(_descriptor, Native.LockRelease);
        }
        PollLoop.Shared.Remove(this);
        ThreadPool.UnsafeQueueUserWorkItem(static descriptor => _ = Native.Close(descriptor), _descriptor, preferLocal: false);
    }

    /// <summary>Called by the poll thread when poll() named this line.</summary>
    internal void Serve(short happened, Span<byte> buffer)
    {
        try
        {
            if ((happened & Native.PollOut) != 0)
                Continue();
            if ((happened & ~Native.PollOut) != 0)
                ReadAll(buffer);
        }
        catch (IOException e)
        {
            Break(e);
        }
    }

    private void ReadAll(Span<byte> buffer)
    {
        while (true)
        {
            nint read;
            int error;
            lock (_descriptorGate)
            {
                if (_closed)
                    return;
                read = Native.Read(_descriptor, buffer, buffer.Length);
                error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            }
            if (read < 0 && error is Native.ErrorAgain or Native.ErrorInterrupted)
                return;
            if (read <= 0)
                throw new IOException(read == 0 ? "the device hung up" : System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error));
            // The pipe of a serial line has no bound, so this never waits.
            _ = Deliver(buffer[..(int)read]);
            if (read < buffer.Length)
                return;
        }
    }

    private void Continue()
    {
        lock (_descriptorGate)
        {
            if (_closed || _sent is null || !WriteSome())
                return;
            _sent.TrySetResult();
            _sent = null;
        }
    }

    private bool WriteSome()
    {
        while (!_unsent.IsEmpty)
        {
            if (_closed)
                throw new IOException("the line was closed");
            var written = Native.Write(_descriptor, _unsent.Span, _unsent.Length);
            var error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            if (written < 0 && error is Native.ErrorAgain or Native.ErrorInterrupted)
                return false;
            if (written < 0)
                throw new IOException(System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error));
            _unsent = _unsent[(int)written..];
        }
        return true;
    }
}

/// <summary>One thread in poll() for all lines: 64 ports at 10 Hz cost what one port costs with System.IO.Ports.</summary>
internal sealed class PollLoop
{
    private const int ReadBytes = 4096;
    private static readonly Lazy<PollLoop> TheOne = new(() => new PollLoop());
    private readonly Lock _gate = new();
    private readonly List<PollLine> _lines = [];
    private readonly int _wake;

    private PollLoop()
    {
        _wake = Native.EventDescriptor(0, Native.NonBlocking | Native.CloseOnExec);
        if (_wake < 0)
            throw Native.Failure("No event descriptor for the poll transport");
        new Thread(Run) { IsBackground = true, Name = "serial-poll" }.Start();
    }

    public static PollLoop Shared => TheOne.Value;

    public void Add(PollLine line)
    {
        lock (_gate)
            _lines.Add(line);
        Wake();
    }

    public void Remove(PollLine line)
    {
        lock (_gate)
            _lines.Remove(line);
        Wake();
    }

    public void Wake()
    {
        ReadOnlySpan<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        _ = Native.Write(_wake, one, one.Length);
    }

    private void Run()
    {
        var buffer = new byte[ReadBytes];
        while (true)
        {
            PollLine[] lines;
            lock (_gate)
                lines = [.. _lines];
            Native.PollEntry[] entries = [new() { Descriptor = _wake, Events = Native.PollIn }, .. lines.Select(l => l.Entry)];
            while (!Turn(lines, entries, buffer))
            {
            }
        }
    }

    // One poll() and what it named; true when the set of lines or what they wait for has changed.
    private bool Turn(PollLine[] lines, Native.PollEntry[] entries, byte[] buffer)
    {
        if (Native.Poll(entries, (nuint)entries.Length, -1) <= 0)
            return true;
        for (var k = 0; k < lines.Length; k++)
            if (entries[k + 1].Happened != 0)
                lines[k].Serve(entries[k + 1].Happened, buffer);
        if (entries[0].Happened != 0)
            _ = Native.Read(_wake, buffer, sizeof(long));
        return entries[0].Happened != 0 || Array.Exists(entries, e => (e.Events & Native.PollOut) != 0);
    }
}
