using System.Text;

namespace BattKomp.Lab.EdgeAgent.Safety.Watchdog;

/// <summary>
/// What agent and watchdog tell each other, in the agent's data folder. Heartbeats are overwritten in place at a fixed length: that needs no space on a full
/// disk, and no clock, because each side only looks whether the other's text changes.
/// </summary>
public sealed class WatchdogFiles(string dataDir)
{
    private const int Length = 96;

    /// <summary>The agent's heartbeat: "boot count beat" or "boot count bye".</summary>
    public string Agent { get; } = Path.Combine(dataDir, "watchdog-agent");

    /// <summary>The watchdog's heartbeat: "process count state".</summary>
    public string Watchdog { get; } = Path.Combine(dataDir, "watchdog-state");

    /// <summary>There while the relays are held open until a person releases them; says why.</summary>
    public string Trip { get; } = Path.Combine(dataDir, "watchdog-trip");

    /// <summary>The agent's request to open the relays; says why.</summary>
    public string Request { get; } = Path.Combine(dataDir, "watchdog-request");

    /// <summary>Why the relays are held open; null when they are not.</summary>
    public string? TripReason => File.Exists(Trip) ? Text(Trip) : null;

    /// <summary>Replaces a heartbeat.</summary>
    public static void Beat(string file, string text)
    {
        using var handle = File.OpenHandle(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(handle, Encoding.ASCII.GetBytes(text.PadRight(Length)[..Length]), 0);
    }

    /// <summary>A file's text; empty when it is missing or cannot be read now.</summary>
    public static string Text(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Writes a file in one step.</summary>
    public static void Write(string file, string text)
    {
        File.WriteAllText(file + ".tmp", text);
        File.Move(file + ".tmp", file, overwrite: true);
    }
}

/// <summary>Whether a heartbeat still changes, on this process's own clock.</summary>
internal sealed class Pulse(string file, TimeProvider machine)
{
    private string _last = WatchdogFiles.Text(file);
    private long _at = machine.GetTimestamp();

    /// <summary>True once it has changed since this process looked first.</summary>
    public bool Seen { get; private set; }

    /// <summary>Last word of the heartbeat; empty before the first change.</summary>
    public string State => Seen ? _last.Split(' ')[^1] : "";

    /// <summary>Looks again; the time since it last changed.</summary>
    public TimeSpan Look()
    {
        var now = WatchdogFiles.Text(file);
        if (now.Length > 0 && now != _last)
            (_last, _at, Seen) = (now, machine.GetTimestamp(), true);
        return machine.GetElapsedTime(_at);
    }
}
