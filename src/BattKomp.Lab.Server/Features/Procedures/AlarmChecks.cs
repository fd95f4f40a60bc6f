using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Action = BattKomp.Lab.V1.AlarmRule.Types.Action;
using Kind = BattKomp.Lab.V1.AlarmRule.Types.Kind;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>What alarm rules must satisfy before an agent is asked to watch them. Each mistake names its field and the remedy.</summary>
internal static class AlarmChecks
{
    private const int MostRules = 20, LongestText = 200;
    private const double ShortestWindow = 1, LongestWindow = 86_400;

    internal static void Check(FieldChecks checks, IReadOnlyList<AlarmRule> rules, string path)
    {
        checks.Require(rules.Count <= MostRules, path, $"holds {rules.Count} rules; at most {MostRules}.");
        foreach (var twice in rules.GroupBy(r => r.Id).Where(g => g.Count() > 1))
            checks.Require(false, path, $"names '{twice.Key}' {twice.Count()} times; ids are unique in a list.");
        for (var i = 0; i < Math.Min(rules.Count, MostRules); i++) CheckOne(checks, rules[i], $"{path}[{i}]");
    }

    private static void CheckOne(FieldChecks checks, AlarmRule rule, string path)
    {
        checks.Require(ResourceNames.IsId(rule.Id), path + ".id", "must be 1–63 of a–z, 0–9 and '-'.")
            .Require(rule.Kind is not Kind.Unspecified && Enum.IsDefined(rule.Kind), path + ".kind", "is not set; use ABOVE, BELOW, RATE or SILENCE.")
            .Require(rule.Action is not Action.Unspecified && Enum.IsDefined(rule.Action), path + ".action", "is not set; use RECORD, STOP_SAFE or STOP_INCIDENT.")
            .Require(rule.Text.Length <= LongestText && !rule.Text.Any(char.IsControl), path + ".text", $"must be one line of at most {LongestText} characters.");
        var silence = rule.Kind is Kind.Silence;
        checks.Require(silence ? rule.Signal.Length == 0 : Signals.IsName(rule.Signal), path + ".signal",
            silence ? "is not used by SILENCE; leave it out." : $"is '{rule.Signal}'; use a BDF machine name such as voltage_volt.");
        checks.Require(silence ? rule.Limit == 0 : double.IsFinite(rule.Limit), path + ".limit", silence ? "is not used by SILENCE; leave it out." : "must be a finite number.");
        checks.Require(rule.Kind is not Kind.Rate || rule.Limit > 0, path + ".limit", $"is {rule.Limit}; a rate is a magnitude above 0 a lab second.");
        checks.Require(rule.Kind is Kind.Rate or Kind.Silence ? rule.OverSeconds is >= ShortestWindow and <= LongestWindow : rule.OverSeconds == 0, path + ".over_seconds",
            rule.Kind is Kind.Rate or Kind.Silence ? $"is {rule.OverSeconds} s; use {ShortestWindow} to {LongestWindow} s." : $"is not used by {rule.Kind}; leave it out.");
    }
}
