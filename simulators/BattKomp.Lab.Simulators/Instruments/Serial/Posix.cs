using System.Runtime.InteropServices;

namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>The few C library calls that a pseudo-terminal needs. Numbers are those of Linux.</summary>
internal static class Posix
{
    internal const short PollIn = 0x01;
    internal const short PollHangUp = 0x10;
    internal const int ReadWriteNoTtyNonBlocking = 0x2 | 0x100 | 0x800;
    internal const int ErrorAgain = 11;
    internal const int ErrorInterrupted = 4;
    private const int SetDescriptorFlags = 2;
    private const int CloseOnExec = 1;
    private const int SetStatusFlags = 4;
    private const int NonBlocking = 0x800;
    private const int FlushInput = 0;
    private const uint Speed38400 = 0x0F;
    private const ulong EndExclusive = 0x540D;

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollDescriptor
    {
        internal int Descriptor;
        internal short Events;
        internal short Happened;
    }

    internal static void MakeRaw(int descriptor)
    {
        var settings = new byte[256]; // a termios is smaller on every system
        if (tcgetattr(descriptor, settings) != 0) throw Failure("tcgetattr");
        cfmakeraw(settings);
        // A pseudo-terminal keeps no parity bit, and tcsetattr calls a change "invalid" when parity is all that differs: a
        // client that comes back for 9600 8E1 would be refused. At another speed its own settings always differ.
        if (cfsetspeed(settings, Speed38400) != 0) throw Failure("cfsetspeed");
        if (tcsetattr(descriptor, 0, settings) != 0) throw Failure("tcsetattr");
    }

    // Children started by the same process must not inherit the line.
    internal static void KeepToThisProcess(int descriptor)
    {
        if (fcntl(descriptor, SetDescriptorFlags, CloseOnExec) != 0) throw Failure("fcntl");
        if (fcntl(descriptor, SetStatusFlags, 0x2 | NonBlocking) != 0) throw Failure("fcntl");
    }

    internal static void DropUnread(int descriptor)
    {
        tcflush(descriptor, FlushInput);
        ioctl(descriptor, EndExclusive, 0);
    }

    internal static IOException Failure(string call) =>
        new($"{call} failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [DllImport("libc", SetLastError = true)]
    internal static extern int openpty(out int master, out int slave, byte[] name, IntPtr termios, IntPtr size);

    [DllImport("libc", SetLastError = true)]
    internal static extern int open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", SetLastError = true)]
    internal static extern int close(int descriptor);

    [DllImport("libc", SetLastError = true)]
    internal static extern nint read(int descriptor, byte[] buffer, nint count);

    [DllImport("libc", SetLastError = true)]
    internal static extern nint write(int descriptor, byte[] buffer, nint count);

    [DllImport("libc", SetLastError = true)]
    internal static extern int poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [DllImport("libc", SetLastError = true)]
    private static extern int tcgetattr(int descriptor, byte[] settings);

    [DllImport("libc", SetLastError = true)]
    private static extern int tcsetattr(int descriptor, int when, byte[] settings);

    [DllImport("libc")]
    private static extern void cfmakeraw(byte[] settings);

    [DllImport("libc", SetLastError = true)]
    private static extern int cfsetspeed(byte[] settings, uint speed);

    [DllImport("libc", SetLastError = true)]
    private static extern int tcflush(int descriptor, int queue);

    [DllImport("libc", SetLastError = true)]
    private static extern int fcntl(int descriptor, int command, int value);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(int descriptor, ulong request, nint value);
}
