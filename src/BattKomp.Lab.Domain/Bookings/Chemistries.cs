namespace BattKomp.Lab.Domain.Bookings;

/// <summary>
/// The widest voltages between which one cell of a chemistry is worked at all, research at its edges included. Meant to catch the wrong procedure on
/// the wrong cell, not to say what is good for it; a chemistry that is not here is not judged.
/// </summary>
public static class Chemistries
{
    private static readonly (string Mark, double Min, double Max)[] Known =
    [
        // A titanate anode decides whatever stands beside it, so that it is sought first.
        ("LTO", 1.0, 2.9), ("LFP", 1.8, 3.9), ("LMFP", 1.8, 4.4), ("NMC", 2.0, 4.55), ("NCA", 2.0, 4.5), ("LCO", 2.0, 4.55), ("LMO", 2.0, 4.4), ("NIMH", 0.8, 1.7), ("NICD", 0.8, 1.7),
    ];

    /// <summary>V, both ends allowed; null when the chemistry is not known.</summary>
    public static (double Min, double Max)? VoltsOf(string chemistry)
    {
        var words = chemistry.ToUpperInvariant().Split('/', ' ', '-', '+');
        foreach (var (mark, min, max) in Known)
            if (words.Any(w => w.StartsWith(mark, StringComparison.Ordinal)))
                return (min, max);
        return null;
    }
}
