using BattKomp.Lab.BatteryData.Bdf;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>Names of signals that a program or an alarm may watch.</summary>
internal static class Signals
{
    private const int LongestName = 100;

    /// <summary>What the agent itself counts in a step, beside the channel's signals.</summary>
    internal static IReadOnlyList<string> OfStep { get; } = ["step_second", "step_capacity_ah"];

    /// <summary>True when the text has the form of a BDF machine name.</summary>
    internal static bool IsName(string text) => text.Length is > 0 and <= LongestName && char.IsAsciiLetterLower(text[0])
        && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');

    /// <summary>True when it is a BDF term or one of <see cref="OfStep"/>.</summary>
    internal static bool IsKnown(string text) => OfStep.Contains(text) || BdfTerms.TryGet(text, out _);
}
