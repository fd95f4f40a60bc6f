using System.Text;

namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>
/// The instrument's end of a real pseudo-terminal in raw mode. It holds no descriptor of the client's end: so it sees
/// whether anybody has the line open, and what is sent to a closed line is lost, as on a wire. A client's close does
/// not end the line; the next open finds it again under the same path.
/// </summary>
public sealed class PseudoTerminal : ILine
{
    private readonly byte[] _buffer = new byte[4096];
    private int _master;

    /// <summary>Opens a new pair.</summary>
    /// <exception cref="PlatformNotSupportedException">On anything but Linux.</exception>
    /// <exception cref="IOException">When the system has no pseudo-terminal left.</exception>
    public PseudoTerminal()
    {
        if (!OperatingSystem.IsLinux())
            throw new PlatformNotSupportedException("serial simulators need Linux pseudo-terminals; run them in a Linux container");
        var name = new byte[256];
        if (Posix.openpty(out _master, out var slave, name, 0, 0) != 0) throw Posix.Failure("openpty");
        try
        {
            Posix.MakeRaw(slave);
            Posix.KeepToThisProcess(_master);
        }
        finally
        {
            Posix.close(slave);
        }
        Path = Encoding.ASCII.GetString(name, 0, Array.IndexOf(name, (byte)0));
    }

    /// <inheritdoc/>
    public string Address => Path;

    /// <summary>The device path that a client opens.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public (bool Open, byte[] Bytes) Receive(TimeSpan wait, CancellationToken cancel)
    {
        var poll = new Posix.PollDescriptor { Descriptor = _master, Events = Posix.PollIn };
        var ready = Posix.poll(ref poll, 1, Math.Max(0, (int)Math.Ceiling(wait.TotalMilliseconds)));
        if (ready <= 0) return (true, []);
        if ((poll.Happened & Posix.PollIn) != 0) return (true, Read());
        // A hang-up is reported at once, every time: wait elsewhere.
        cancel.WaitHandle.WaitOne(wait);
        return ((poll.Happened & Posix.PollHangUp) == 0, []);
    }

    /// <inheritdoc/>
    public bool Send(byte[] bytes) => Posix.write(_master, bytes, bytes.Length) == bytes.Length;

    /// <summary>Throws away what a client that is gone left unread, its exclusive claim and its settings; false when another already claims the line.</summary>
    public bool Forget()
    {
        var slave = Posix.open(Path, Posix.ReadWriteNoTtyNonBlocking);
        if (slave < 0) return false;
        try
        {
            Posix.DropUnread(slave);
            Posix.MakeRaw(slave);
        }
        finally
        {
            Posix.close(slave);
        }
        return true;
    }

    /// <summary>Hangs up: a client that has the line open sees it die.</summary>
    public void Dispose()
    {
        var master = Interlocked.Exchange(ref _master, -1);
        if (master >= 0) Posix.close(master);
    }

    private byte[] Read()
    {
        var count = (int)Posix.read(_master, _buffer, _buffer.Length);
        return count > 0 ? _buffer[..count] : [];
    }
}
