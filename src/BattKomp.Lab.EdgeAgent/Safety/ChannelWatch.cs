using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.EdgeAgent.Safety.Alarms;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>
/// What watches over one channel whatever its driver: alarms of the agent's configuration and of the lease in force, judged on every reading, the capture for
/// evidence, and the promise of the channel's loop to come round again. Safe for several threads.
/// </summary>
public sealed class ChannelWatch(StampClock clock, TimeProvider machine)
{
    private static readonly AlarmRule[] None = [];
    private readonly Lock _gate = new();
    private readonly long _began = machine.GetTimestamp();
    private IReadOnlyList<string> _signals = [];
    private AlarmWatch _local = new(None, [], 0);
    private AlarmWatch _leased = new(None, [], 0);
    private IReadOnlyList<AlarmRule> _localRules = None;
    private IReadOnlyList<AlarmRule> _leaseRules = None;
    private long _due = long.MaxValue;

    /// <summary>The last of what went over the line.</summary>
    public LineCapture Capture { get; } = new();

    /// <summary>Numeric columns of the readings.</summary>
    public IReadOnlyList<string> Signals
    {
        get => _signals;
        set
        {
            lock (_gate)
            {
                _signals = value;
                (_local, _leased) = (Watch(_localRules), Watch(_leaseRules));
            }
        }
    }

    /// <summary>True while an alarm stands.</summary>
    public bool AnyAlarm
    {
        get
        {
            lock (_gate)
                return _local.Any || _leased.Any;
        }
    }

    /// <summary>Alarms that stand, for people.</summary>
    public IReadOnlyList<string> Standing
    {
        get
        {
            lock (_gate)
                return [.. _local.Standing.Concat(_leased.Standing).Select(Words)];
        }
    }

    /// <summary>Sets the rules of the agent's configuration; rules that stay the same go on as they stand.</summary>
    public void UseLocal(IReadOnlyList<AlarmRule> rules)
    {
        lock (_gate)
            if (!rules.SequenceEqual(_localRules))
                (_localRules, _local) = (rules, Watch(rules));
    }

    /// <summary>Sets the rules of the lease in force; none when there is none.</summary>
    public void UseLease(IReadOnlyList<AlarmRule> rules)
    {
        lock (_gate)
            if (!rules.SequenceEqual(_leaseRules))
                (_leaseRules, _leased) = ([.. rules], Watch([.. rules]));
    }

    /// <summary>Judges a reading and keeps it for evidence.</summary>
    public IReadOnlyList<AlarmChange> Judge(RecordRow row)
    {
        Capture.Row(row);
        // A value that its own checksum doubts stops nobody; that something came is true all the same.
        var values = row.Quality == Quality.Suspect ? Array.ConvertAll(row.Values, _ => double.NaN) : row.Values;
        lock (_gate)
            return Both(w => w.Take(row.StampNs / 1e9, MachineSecond, values));
    }

    /// <summary>Looks for silence while nothing comes.</summary>
    public IReadOnlyList<AlarmChange> Tick()
    {
        lock (_gate)
            return Both(w => w.Tick(MachineSecond));
    }

    /// <summary>Keeps bytes that were sent or received.</summary>
    public void Bytes(bool sent, ReadOnlySpan<byte> bytes) => Capture.Bytes(clock.MachineNowNs, sent, bytes);

    /// <summary>The loop says that it will come round within a time.</summary>
    public void Promise(TimeSpan within) => Volatile.Write(ref _due, machine.GetTimestamp() + (long)(within.TotalSeconds * machine.TimestampFrequency));

    /// <summary>The loop has ended as it should.</summary>
    public void Rest() => Volatile.Write(ref _due, long.MaxValue);

    /// <summary>True when the loop has not come round in time: nobody looks after the channel.</summary>
    public bool Overdue => machine.GetTimestamp() > Volatile.Read(ref _due);

    /// <summary>An alarm in words.</summary>
    public static string Words(AlarmRule rule) => rule.Text.Length > 0 ? rule.Text
        : rule.Kind == AlarmRule.Types.Kind.Silence ? $"no record for {rule.OverSeconds} s"
        : $"{rule.Signal} {rule.Kind.ToString().ToLowerInvariant()} {rule.Limit}";

    private double MachineSecond => machine.GetElapsedTime(_began).TotalSeconds;

    private AlarmWatch Watch(IReadOnlyList<AlarmRule> rules) => new(rules, _signals, MachineSecond);

    private IReadOnlyList<AlarmChange> Both(Func<AlarmWatch, IReadOnlyList<AlarmChange>> judge)
    {
        var (local, leased) = (judge(_local), judge(_leased));
        return leased.Count == 0 ? local : local.Count == 0 ? leased : [.. leased, .. local];
    }
}
