namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>The instrument's end of a line that at most one client has open.</summary>
public interface ILine : IDisposable
{
    /// <summary>Where a client finds it: a device path, or <c>host:port</c>.</summary>
    string Address { get; }

    /// <summary>Waits up to <paramref name="wait"/> for bytes from the client; an unopened line waits its time out.</summary>
    /// <returns>Whether somebody has the line open, and the bytes (possibly none).</returns>
    (bool Open, byte[] Bytes) Receive(TimeSpan wait, CancellationToken cancel);

    /// <summary>Sends bytes without waiting; false when the line did not take them all.</summary>
    bool Send(byte[] bytes);

    /// <summary>Throws away what a client that is gone left behind; false when the line must be replaced instead.</summary>
    bool Forget();
}
