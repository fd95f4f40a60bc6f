using System.Runtime.InteropServices;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>The C library calls of the poll transport. Numbers are those of Linux on x64 and arm64.</summary>
internal static partial class Native
{
    internal const int ReadWrite = 0x2;
    internal const int NoControllingTerminal = 0x100;
    internal const int NonBlocking = 0x800;
    internal const int CloseOnExec = 0x80000;
    internal const int LockExclusive = 2;
    internal const int LockNoWait = 4;
    internal const int LockRelease = 8;
    internal const short PollIn = 0x01;
    internal const short PollOut = 0x04;
    internal const int ErrorInterrupted = 4;
    internal const int ErrorAgain = 11;
    internal const int FlushInput = 0;
    internal const int FlushBoth = 2;
    internal const nuint SetExclusive = 0x540C;
    internal const nuint EndExclusive = 0x540D;
    internal const nuint RaiseModemLines = 0x5416;
    internal const nuint DropModemLines = 0x5417;
    internal const int DataTerminalReady = 0x002;
    internal const int RequestToSend = 0x004;

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollEntry
    {
        internal int Descriptor;
        internal short Events;
        internal short Happened;
    }

    /// <summary>struct termios of glibc and musl on Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal unsafe struct Termios
    {
        internal uint Input;
        internal uint Output;
        internal uint Control;
        internal uint Local;
        internal byte Discipline;
        internal fixed byte Characters[32];
        internal uint InputSpeed;
        internal uint OutputSpeed;
    }

    internal static string LastError() => Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());

    internal static IOException Failure(string what) => new($"{what}: {LastError()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    internal static partial nint Read(int descriptor, Span<byte> buffer, nint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(int descriptor, ReadOnlySpan<byte> buffer, nint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(Span<PollEntry> entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    internal static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    internal static partial int Flock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    internal static partial int GetSettings(int descriptor, out Termios settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    internal static partial int SetSettings(int descriptor, int when, in Termios settings);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    internal static partial void MakeRaw(ref Termios settings);

    [LibraryImport("libc", EntryPoint = "cfsetspeed", SetLastError = true)]
    internal static partial int SetSpeed(ref Termios settings, uint speed);

    [LibraryImport("libc", EntryPoint = "tcflush", SetLastError = true)]
    internal static partial int Flush(int descriptor, int queue);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int Control(int descriptor, nuint request, nint value);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    internal static partial int Control(int descriptor, nuint request, in int value);
}
