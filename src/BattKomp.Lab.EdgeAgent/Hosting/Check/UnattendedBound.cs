using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Hosting.Check;

/// <summary>How long a channel can stay energised when every program beside it is dead.</summary>
/// <param name="Words">For people.</param>
/// <param name="Bound">The longest time; null where it is the step's own limit, or nothing.</param>
/// <param name="AttendedOnly">True when nothing would ever stop it: someone must be present.</param>
public sealed record UnattendedBound(string Words, TimeSpan? Bound, bool AttendedOnly)
{
    /// <summary>Of a channel: the shorter of the device's own guard and the relay.</summary>
    public static UnattendedBound Of(InstrumentDriver driver, string channel, WatchdogConfig? watchdog, DeviceGuard? guardOfChannel = null)
    {
        var guard = guardOfChannel ?? driver.Guard;
        if (driver.Control != ControlClass.Full)
            return new UnattendedBound(driver.Control == ControlClass.StartStop ? "the vendor's program in the instrument ends by itself" : "the agent energises nothing", null, false);
        var relay = watchdog is not null && watchdog.Relays.ContainsKey(channel) ? watchdog.Bound : (TimeSpan?)null;
        if (relay is { } opens && (guard.Bound is null || opens <= guard.Bound))
            return new UnattendedBound($"{opens.TotalSeconds:0.###} s: the watchdog opens the relay", opens, false);
        if (guard.Bound is { } bound)
            return new UnattendedBound($"{bound.TotalSeconds:0.###} s: {guard.What}", bound, false);
        return guard.Exists
            ? new UnattendedBound("the running step's own limits, kept in the device", null, false)
            : new UnattendedBound("without end: attended only; give it a relay of the watchdog", null, true);
    }
}
