namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>How a field becomes a number.</summary>
internal enum FieldKind
{
    /// <summary>A number, times <see cref="FieldRule.Factor"/>, through <see cref="FieldRule.Divisor"/>.</summary>
    Number,

    /// <summary><c>h:mm:ss</c> with or without days, or a number in the column's unit.</summary>
    Duration,

    /// <summary>Date and time, or its number (seconds since 1970 in UTC; local days since 1899-12-30).</summary>
    Date,

    /// <summary>Elapsed seconds or date and time; the first row says which.</summary>
    ElapsedOrDate,

    /// <summary>The tester's name of the step's kind.</summary>
    StepType,
}

/// <summary>What a column of the file becomes. <paramref name="Problem"/> says why it cannot be used.</summary>
internal sealed record FieldRule(string Name, FieldKind Kind = FieldKind.Number, double Factor = 1, double Divisor = 1, string? Problem = null, string? Remedy = null)
{
    /// <summary>True when the field's own text must stay beside what it became.</summary>
    public bool KeepsText => Kind != FieldKind.Number || Factor != 1 || Divisor != 1;
}

/// <summary>A column header: as written, its quantity and its unit.</summary>
internal sealed record FlatHeader(string Text, string Quantity, string Unit)
{
    /// <summary><c>Current (A)</c> and <c>Current[A]</c>.</summary>
    public static FlatHeader Bracketed(string text)
    {
        text = text.Trim();
        var open = text.LastIndexOfAny(['(', '[']);
        return open > 0 && text[^1] is ')' or ']' ? new FlatHeader(text, text[..open].Trim(), text[(open + 1)..^1].Trim()) : new FlatHeader(text, text, "");
    }

    /// <summary><c>I/mA</c>.</summary>
    public static FlatHeader Slashed(string text)
    {
        text = text.Trim();
        var slash = text.LastIndexOf('/');
        return slash > 0 ? new FlatHeader(text, text[..slash].Trim(), text[(slash + 1)..].Trim()) : new FlatHeader(text, text, "");
    }
}

/// <summary>One vendor's flat table: how its header line is known and what its columns become. One object per file.</summary>
internal abstract class FlatFormat(ImportOptions options)
{
    protected ImportOptions Options { get; } = options;

    /// <summary>Format name.</summary>
    public abstract string Name { get; }

    /// <summary>Separators that the header line may use, the likeliest first.</summary>
    public virtual ReadOnlySpan<byte> Separators => ",\t;"u8;

    /// <summary>Lines that may stand before the header line.</summary>
    public virtual int PreambleLines => 0;

    /// <summary>Columns without which nothing is read.</summary>
    public virtual IReadOnlyList<string> Needed { get; } = ["test_time_second", "current_ampere", "voltage_volt"];

    /// <summary>Volts beyond which the unit is taken to be misstated.</summary>
    public virtual double HighestVolt => double.PositiveInfinity;

    /// <summary>How the current is signed when the caller declares nothing.</summary>
    public virtual CurrentSign Sign => CurrentSign.PositiveCharges;

    /// <summary>Whether a step type tells the sign of an unsigned current.</summary>
    public virtual bool SignFromStepType => false;

    /// <summary>The header text as quantity and unit.</summary>
    public virtual FlatHeader Header(string text) => FlatHeader.Bracketed(text);

    /// <summary>Whether these are the format's column headers.</summary>
    public abstract bool IsHeader(IReadOnlyList<FlatHeader> headers);

    /// <summary>What a column becomes; null = the vendor's own, kept.</summary>
    public abstract FieldRule? Rule(FlatHeader header);

    /// <summary>A line before the header line.</summary>
    public virtual void Preamble(string line, VendorDate dates)
    {
    }

    /// <summary>Local seconds at which elapsed time began, where the preamble says so.</summary>
    public virtual double? Origin => null;

    /// <summary>BDF step type of the tester's own, and its direction: +1 charges, −1 discharges, 0 neither, null unknown.</summary>
    public virtual (string Type, int? Direction) StepType(string own) => (own, null);

    /// <summary>Whether a whole line may stand in one pair of quotes.</summary>
    public virtual bool QuotesLines => false;

    /// <summary>Whether rows may end before columns that are only kept; those are then empty.</summary>
    public virtual bool ShortRows => false;

    /// <summary>Headers whose value names the test object: one file is of one, so they may not change.</summary>
    public virtual IReadOnlyList<string> OneObject => [];

    /// <summary>What a row's canonical values, asked for by name, show to be wrong with each other; null = nothing.</summary>
    public virtual string? Doubt(Func<string, double> value) => null;

    /// <summary>The line without quotes around the whole of it.</summary>
    public ReadOnlySpan<byte> Bare(ReadOnlySpan<byte> line) =>
        QuotesLines && line.Length > 1 && line[0] == (byte)'"' && line[^1] == (byte)'"' && !line[1..^1].Contains((byte)'"') ? line[1..^1] : line;

    /// <summary>Reset scopes that the canonical names do not tell, and other declarations of the format.</summary>
    public virtual IEnumerable<SourceNote> Notes => [];

    /// <summary>A quantity in its canonical unit; the unit is the caller's, else the header's, else <paramref name="assumed"/>.</summary>
    protected FieldRule Quantity(FlatHeader header, string name, string unit, string? assumed = null, FieldKind kind = FieldKind.Number, double sign = 1)
    {
        var stated = Options.Units.TryGetValue(header.Text, out var declared) ? declared : header.Unit.Length > 0 ? header.Unit : assumed ?? "";
        if (VendorUnits.TryScale(stated, unit, out var factor, out var divisor)) return new FieldRule(name, kind, factor * sign, divisor);
        return stated.Length == 0
            ? new FieldRule(name, kind, Problem: $"the file states no unit of {header.Text}.", Remedy: $"Declare it: Units[\"{header.Text}\"] = \"{unit}\" or another unit of the same kind.")
            : new FieldRule(name, kind, Problem: $"the unit \"{stated}\" of {header.Text} is none that reads as {unit}.", Remedy: $"Export {header.Quantity} in {unit}, or declare its unit.");
    }
}

/// <summary>Units of the vendors and what makes them canonical.</summary>
internal static class VendorUnits
{
    private static readonly Dictionary<string, (string Base, double Factor, double Divisor)> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["A"] = ("A", 1, 1),
        ["Amps"] = ("A", 1, 1),
        ["mAmps"] = ("A", 1, 1e3),
        ["uA"] = ("A", 1, 1e6),
        ["µA"] = ("A", 1, 1e6),
        ["Volts"] = ("V", 1, 1),
        ["Ah"] = ("Ah", 1, 1),
        ["A.h"] = ("Ah", 1, 1),
        ["Amp-hr"] = ("Ah", 1, 1),
        ["mAh"] = ("Ah", 1, 1e3),
        ["mA.h"] = ("Ah", 1, 1e3),
        ["mAmp-hr"] = ("Ah", 1, 1e3),
        ["Wh"] = ("Wh", 1, 1),
        ["W.h"] = ("Wh", 1, 1),
        ["Watt-hr"] = ("Wh", 1, 1),
        ["mWatt-hr"] = ("Wh", 1, 1e3),
        ["mW.h"] = ("Wh", 1, 1e3),
        ["mWh"] = ("Wh", 1, 1e3),
        ["W"] = ("W", 1, 1),
        ["Ohm"] = ("ohm", 1, 1),
        ["Ohms"] = ("ohm", 1, 1),
        ["Hz"] = ("Hz", 1, 1),
        ["deg"] = ("deg", 1, 1),
        ["s"] = ("s", 1, 1),
        ["sec"] = ("s", 1, 1),
        ["Seconds"] = ("s", 1, 1),
        ["min"] = ("s", 60, 1),
        ["h"] = ("s", 3600, 1),
        ["C"] = ("degC", 1, 1),
        ["°C"] = ("degC", 1, 1),
        ["℃"] = ("degC", 1, 1),
        ["\uFFFDC"] = ("degC", 1, 1),
        ["?"] = ("degC", 1, 1),
        ["degC"] = ("degC", 1, 1),
        ["1"] = ("1", 1, 1),
    };

    // Units in which a capital changes the meaning (milli, mega) are told apart by case.
    private static readonly Dictionary<string, (string Base, double Factor, double Divisor)> Exact = new(StringComparer.Ordinal)
    {
        ["mA"] = ("A", 1, 1e3),
        ["V"] = ("V", 1, 1),
        ["mV"] = ("V", 1, 1e3),
        ["mW"] = ("W", 1, 1e3),
        ["ms"] = ("s", 1, 1e3),
        ["mOhm"] = ("ohm", 1, 1e3),
    };

    public static bool TryScale(string unit, string wanted, out double factor, out double divisor)
    {
        (factor, divisor) = (1, 1);
        if (!Exact.TryGetValue(unit, out var known) && !Known.TryGetValue(unit, out known)) return false;
        (factor, divisor) = (known.Factor, known.Divisor);
        return known.Base == wanted;
    }
}
