using BattKomp.Lab.Domain.Time;
using BattKomp.Lab.V1;
using NodaTime;

namespace BattKomp.Lab.EdgeAgent.Records;

/// <summary>
/// Lab time for record stamps: an anchor of the wall clock, carried by the monotonic clock, so that a step of the wall clock alters no stamp. On real
/// hardware a step is noticed and a new anchor is taken, which closes every stream; under a scaled lab clock the anchor stays.
/// </summary>
public sealed class StampClock
{
    private const string SyncedMark = "/run/systemd/timesync/synchronized";
    private static readonly Duration StepTolerance = Duration.FromSeconds(1);
    private readonly TimeProvider _machine;
    private readonly LabClock _lab;
    private readonly Lock _gate = new();
    private Instant _anchor;
    private long _anchorTimestamp;

    /// <summary>Anchors now.</summary>
    public StampClock(TimeProvider machine, LabClock lab)
    {
        (_machine, _lab) = (machine, lab);
        TakeAnchor();
    }

    /// <summary>Grows by one whenever the wall clock has stepped: streams begun under an earlier epoch are closed.</summary>
    public int Epoch { get; private set; }

    /// <summary>Lab seconds per machine second.</summary>
    public double Speed => _lab.Speed;

    /// <summary>Quality of this machine's wall clock.</summary>
    public ClockQuality Quality => Epoch > 0 ? ClockQuality.Stepped : File.Exists(SyncedMark) ? ClockQuality.Synced : ClockQuality.Unsynced;

    /// <summary>Lab time now, ns since 1970.</summary>
    public long LabNowNs => (_lab.ToLab(MachineNow) - NodaConstants.UnixEpoch).ToInt64Nanoseconds();

    /// <summary>Machine time now by the carried clock, ns since 1970.</summary>
    public long MachineNowNs => (MachineNow - NodaConstants.UnixEpoch).ToInt64Nanoseconds();

    /// <summary>Machine time that a stretch of lab seconds takes.</summary>
    public TimeSpan ToMachine(double labSeconds) => TimeSpan.FromSeconds(labSeconds / _lab.Speed);

    /// <summary>A stopwatch that has run for <paramref name="already"/> lab seconds. It follows the monotonic clock alone: no step of the wall clock moves it.</summary>
    public LabStopwatch Stopwatch(double already = 0) => new(_machine, _machine.GetTimestamp(), already, _lab.Speed);

    /// <summary>Compares the wall clock with the carried one and takes a new anchor after a step. Called now and then.</summary>
    public void LookForStep()
    {
        if (_lab.Speed != 1)
            return;
        var apart = Instant.FromDateTimeOffset(_machine.GetUtcNow()) - MachineNow;
        if (apart <= StepTolerance && -apart <= StepTolerance)
            return;
        TakeAnchor();
        Epoch++;
    }

    private Instant MachineNow
    {
        get
        {
            lock (_gate)
                return _anchor + Duration.FromTimeSpan(_machine.GetElapsedTime(_anchorTimestamp));
        }
    }

    private void TakeAnchor()
    {
        lock (_gate)
            (_anchor, _anchorTimestamp) = (Instant.FromDateTimeOffset(_machine.GetUtcNow()), _machine.GetTimestamp());
    }
}

/// <summary>Elapsed lab time on the monotonic clock.</summary>
public sealed class LabStopwatch(TimeProvider machine, long mark, double already, double speed)
{
    /// <summary>Lab seconds since it was started, and those it was given.</summary>
    public double Seconds => already + (machine.GetElapsedTime(mark).TotalSeconds * speed);
}
