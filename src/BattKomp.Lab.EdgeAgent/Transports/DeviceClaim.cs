namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>
/// The right to a serial device, kept with flock on the device node itself: two openers collide even when both are root (which TIOCEXCL lets through),
/// however they spell its path, and the kernel takes the claim back when a process dies. Only on Linux; elsewhere the system's own exclusion must do.
/// </summary>
internal sealed class DeviceClaim : IDisposable
{
    private int _descriptor;

    private DeviceClaim(int descriptor) => _descriptor = descriptor;

    /// <summary>Claims a device for a port object that opens it by itself.</summary>
    /// <exception cref="IOException">Another has it, or it cannot be opened.</exception>
    public static DeviceClaim? Take(string device)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var descriptor = Native.Open(device, Native.ReadWrite | Native.NoControllingTerminal | Native.NonBlocking | Native.CloseOnExec);
        if (descriptor < 0)
            throw new IOException($"The serial port {device} cannot be opened: {Native.LastError()}");
        try
        {
            Hold(descriptor, device);
        }
        catch
        {
            _ = Native.Close(descriptor);
            throw;
        }
        return new DeviceClaim(descriptor);
    }

    /// <summary>Claims a device through a descriptor that is open already; closing it, or <see cref="Native.Flock"/>, ends the claim.</summary>
    public static void Hold(int descriptor, string device)
    {
        if (Native.Flock(descriptor, Native.LockExclusive | Native.LockNoWait) != 0)
            throw new IOException($"The serial port {device} is in use by another program or channel. Stop it, or give each channel its own device.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _descriptor, -1) is >= 0 and var descriptor)
            _ = Native.Close(descriptor);
    }
}
