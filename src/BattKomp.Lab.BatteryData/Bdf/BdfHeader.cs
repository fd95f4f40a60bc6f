namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>The two header styles that BDF allows.</summary>
public enum BdfHeaderStyle
{
    /// <summary><c>Voltage / V</c>, the style BDF asks for.</summary>
    PreferredLabel,

    /// <summary><c>voltage_volt</c>.</summary>
    MachineName,
}

/// <summary>Maps a file's headers to columns: canonical, deprecated (converted), or a vendor's own (kept).</summary>
internal static class BdfHeader
{
    /// <summary>What one column of the file becomes.</summary>
    public sealed record Target(string Name, BdfTerm? Term, double Divisor);

    /// <summary>What a vendor's column is called when its own header is a BDF label, so that no reader takes it for the BDF column.</summary>
    public const string VendorMark = " (vendor)";

    public static string Write(Column column, BdfHeaderStyle style)
    {
        if (BdfTerms.TryGet(column.Name, out var term)) return style == BdfHeaderStyle.PreferredLabel ? term.Label : term.Name;
        return BdfTerms.TryGetByHeader(column.Name, out _) ? column.Name + VendorMark : column.Name;
    }

    /// <summary>One target per header; notes say what was converted. Two headers that mean one column are refused.</summary>
    public static Target[] Map(IReadOnlyList<string> headers, string file, List<SourceNote> notes)
    {
        var present = new HashSet<string>(headers.Select(h => BdfTerms.TryGetByHeader(h, out var t) ? t.Name : h));
        var targets = new Target[headers.Count];
        var taken = new Dictionary<string, int>();
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i] = MapOne(headers[i], present, notes);
            if (string.IsNullOrWhiteSpace(targets[i].Name))
                throw Refuse(ImportFailureCode.MissingColumn, i, "", "the header of this column is empty.", "Give every column a name.");
            if (!taken.TryAdd(targets[i].Name, i))
                throw Refuse(ImportFailureCode.DuplicateColumn, i, headers[i], $"column {taken[targets[i].Name] + 1} is already {targets[i].Name}.", "Remove or rename one of the two columns.");
        }

        return targets;

        BatteryDataException Refuse(ImportFailureCode code, int column, string field, string message, string remedy) =>
            new(new ImportFailure(code, file, 1, column + 1, field, message, remedy));
    }

    private static Target MapOne(string header, HashSet<string> present, List<SourceNote> notes)
    {
        if (!BdfTerms.TryGetByHeader(header, out var term)) return new Target(header, null, 1);
        if (term.ReplacedBy is not { } current) return new Target(term.Name, term, 1);
        if (present.Contains(current))
        {
            notes.Add(new SourceNote("deprecated_kept", term.Name, $"{header} is deprecated and {current} is there too; it is kept as it is and not used."));
            return new Target(term.Name, term, 1);
        }

        var how = term.ReplacementDivisor == 1 ? "renamed" : $"divided by {term.ReplacementDivisor}";
        notes.Add(new SourceNote("deprecated_converted", term.Name, $"{header} is deprecated since BDF 1.3; it is read as {current} ({how})."));
        BdfTerms.TryGet(current, out var replacement);
        return new Target(current, replacement, term.ReplacementDivisor);
    }

    /// <summary>Reset scopes and units that the canonical names declare.</summary>
    public static SourceDescription Describe(SourceDescription source, IEnumerable<string> names)
    {
        var scopes = new Dictionary<string, ResetScope>();
        var units = new Dictionary<string, string>();
        foreach (var name in names)
        {
            if (!BdfTerms.TryGet(name, out var term)) continue;
            if (term.Unit.Length > 0) units[name] = term.Unit;
            if (term.Counter is { } counter) scopes[name] = counter.Scope;
        }

        return source with { ResetScopes = scopes, Units = units };
    }
}
