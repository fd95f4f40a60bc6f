using System.Globalization;

namespace BattKomp.Lab.EdgeAgent.Leases;

/// <summary>A clock that goes on counting while the agent is not running, and the name of the operating system's start that it counts in.</summary>
public interface IMachineUptime
{
    /// <summary>Differs after every start of the machine; empty when the system names none.</summary>
    string OsBoot { get; }

    /// <summary>Time since the machine's start, sleep included.</summary>
    TimeSpan Uptime { get; }
}

/// <summary>The kernel's own figures on Linux; elsewhere no start is named, and only the wall clock spans a restart.</summary>
public sealed class MachineUptime : IMachineUptime
{
    private const string BootFile = "/proc/sys/kernel/random/boot_id";
    private const string UptimeFile = "/proc/uptime";

    /// <inheritdoc/>
    public string OsBoot { get; } = File.Exists(BootFile) ? File.ReadAllText(BootFile).Trim() : "";

    /// <inheritdoc/>
    public TimeSpan Uptime => File.Exists(UptimeFile)
        ? TimeSpan.FromSeconds(double.Parse(File.ReadAllText(UptimeFile).Split(' ')[0], CultureInfo.InvariantCulture))
        : TimeSpan.FromMilliseconds(Environment.TickCount64);
}
