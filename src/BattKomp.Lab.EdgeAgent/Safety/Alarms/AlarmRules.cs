using System.Text.RegularExpressions;
using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.AlarmRule.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Safety.Alarms;

/// <summary>What an alarm rule must say to be watched.</summary>
public static partial class AlarmRules
{
    /// <summary>Everything wrong with a rule by field; empty when it can be watched.</summary>
    public static IEnumerable<(string Field, string Problem)> Faults(AlarmRule rule)
    {
        if (rule.Id.Length > 0 && !Name().IsMatch(rule.Id))
            yield return ("id", $"is \"{rule.Id}\"; a-z, 0-9 and dash are allowed");
        if (rule.Kind == Kind.Silence && rule.Signal.Length > 0)
            yield return ("signal", "silence watches the channel, not a signal; remove it");
        if (rule.Kind is Kind.Above or Kind.Below or Kind.Rate && rule.Signal.Length == 0)
            yield return ("signal", "is missing; name a signal of the channel, e.g. voltage_volt");
        if (rule.Kind is Kind.Silence or Kind.Rate && !(rule.OverSeconds > 0))
            yield return ("over_seconds", $"is {rule.OverSeconds}; {rule.Kind.ToString().ToLowerInvariant()} needs a time above 0 s");
        if (!double.IsFinite(rule.Limit) || !double.IsFinite(rule.OverSeconds))
            yield return ("limit", "must be finite");
        if (rule.Text.Length > 200)
            yield return ("text", $"has {rule.Text.Length} characters; at most 200");
    }

    [GeneratedRegex("^[a-z0-9-]{1,63}$")]
    private static partial Regex Name();
}
