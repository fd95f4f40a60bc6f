using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.AlarmRule.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Safety.Alarms;

/// <summary>An alarm that begins or is over.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Raised">True when it begins.</param>
/// <param name="Value">What the condition was judged by: the signal's value, its rate, or the seconds of silence.</param>
public readonly record struct AlarmChange(AlarmRule Rule, bool Raised, double Value);

/// <summary>
/// Watches one channel's rules. Raised by the first record that meets the condition; over only after the condition has been away for the rule's
/// <c>over_seconds</c> (1 s when that is 0) without a break, so that a value at its limit does not flap. A record without the signal says nothing either
/// way. Signals are judged in lab seconds, silence in machine seconds. Pure; not safe for several threads.
/// </summary>
public sealed class AlarmWatch(IReadOnlyList<AlarmRule> rules, IReadOnlyList<string> signals, double machineSecond)
{
    private readonly Watched[] _watched = [.. rules.Select(r => new Watched(r, Place(signals, r.Signal)))];
    private double _lastRecord = machineSecond;

    /// <summary>The rules.</summary>
    public IReadOnlyList<AlarmRule> Rules => rules;

    /// <summary>True while any alarm stands.</summary>
    public bool Any => _watched.Any(w => w.Standing);

    /// <summary>Alarms that stand now.</summary>
    public IEnumerable<AlarmRule> Standing => _watched.Where(w => w.Standing).Select(w => w.Rule);

    /// <summary>Takes a record; what changes by it, in the order of the rules.</summary>
    public IReadOnlyList<AlarmChange> Take(double labSecond, double machineSecond, IReadOnlyList<double> values)
    {
        List<AlarmChange>? changes = null;
        foreach (var w in _watched)
        {
            if (w.Rule.Kind == Kind.Silence)
                Judge(w, machineSecond, machineSecond - _lastRecord, machineSecond - _lastRecord > w.Rule.OverSeconds, ref changes);
            else if (w.Place >= 0 && !double.IsNaN(values[w.Place]) && Measure(w, labSecond, values[w.Place]) is { } measured)
                Judge(w, labSecond, measured, Holds(w.Rule, measured), ref changes);
        }
        _lastRecord = machineSecond;
        return changes ?? [];
    }

    /// <summary>Looks for silence while nothing comes.</summary>
    public IReadOnlyList<AlarmChange> Tick(double machineSecond)
    {
        List<AlarmChange>? changes = null;
        foreach (var w in _watched)
            if (w.Rule.Kind == Kind.Silence)
                Judge(w, machineSecond, machineSecond - _lastRecord, machineSecond - _lastRecord > w.Rule.OverSeconds, ref changes);
        return changes ?? [];
    }

    private static int Place(IReadOnlyList<string> signals, string signal)
    {
        for (var k = 0; k < signals.Count; k++)
            if (signals[k] == signal)
                return k;
        return -1;
    }

    // A rate is known once the window is full: between now and the youngest record that is at least over_seconds old.
    private static double? Measure(Watched w, double second, double value)
    {
        if (w.Rule.Kind != Kind.Rate)
            return value;
        w.Window.Enqueue((second, value));
        while (w.Window.Count > 1 && w.Window.ElementAt(1).Second <= second - w.Rule.OverSeconds)
            w.Window.Dequeue();
        var (since, then) = w.Window.Peek();
        return second - since >= w.Rule.OverSeconds ? Math.Abs(value - then) / (second - since) : null;
    }

    private static bool Holds(AlarmRule rule, double value) => rule.Kind == Kind.Below ? value < rule.Limit : value > rule.Limit;

    private static void Judge(Watched w, double second, double value, bool holds, ref List<AlarmChange>? changes)
    {
        if (holds)
        {
            w.AwaySince = double.NaN;
            if (!w.Standing)
                (changes ??= []).Add(new AlarmChange(w.Rule, Raised: true, value));
            w.Standing = true;
            return;
        }
        if (!w.Standing)
            return;
        if (double.IsNaN(w.AwaySince))
            w.AwaySince = second;
        if (second - w.AwaySince < (w.Rule.OverSeconds > 0 ? w.Rule.OverSeconds : 1))
            return;
        w.Standing = false;
        (changes ??= []).Add(new AlarmChange(w.Rule, Raised: false, value));
    }

    private sealed class Watched(AlarmRule rule, int place)
    {
        public AlarmRule Rule { get; } = rule;

        public int Place { get; } = place;

        public Queue<(double Second, double Value)> Window { get; } = new();

        public bool Standing { get; set; }

        public double AwaySince { get; set; } = double.NaN;
    }
}
