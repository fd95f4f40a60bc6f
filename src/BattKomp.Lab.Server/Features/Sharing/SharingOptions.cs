using NodaTime;

namespace BattKomp.Lab.Server.Features.Sharing;

/// <summary>What counts as a fair share, as settings (<c>Sharing:HalfLifeDays</c> and so on).</summary>
public sealed class SharingOptions
{
    /// <summary>Use weighs half after so many days.</summary>
    public double HalfLifeDays { get; set; } = 28;

    /// <summary>Shares by organisations/… name (<c>Sharing:Shares:organisations/x</c>) against their siblings; others have 1.</summary>
    public Dictionary<string, double> Shares { get; set; } = [];

    /// <summary>Weight of a channel-hour by code of the list "rig-kind"; others weigh 1.</summary>
    public Dictionary<string, double> WeightByRigKind { get; set; } = [];

    /// <summary>How far back use is read: after so many half-lives less than 1 % of it is left.</summary>
    internal Duration LookBack => Duration.FromDays(HalfLifeDays * 7);

    /// <summary>Every mistake at once, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes()
    {
        if (!(HalfLifeDays is >= 1 and <= 3650)) yield return $"Sharing:HalfLifeDays is {HalfLifeDays}: use 1 to 3650.";
        foreach (var (list, values) in new[] { (nameof(Shares), Shares), (nameof(WeightByRigKind), WeightByRigKind) })
            foreach (var (name, value) in values)
                if (!(value is >= 0 and <= 1e6)) yield return $"Sharing:{list}:{name} is {value}: use 0 to 1000000.";
    }
}
