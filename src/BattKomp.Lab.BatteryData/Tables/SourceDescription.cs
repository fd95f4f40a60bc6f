namespace BattKomp.Lab.BatteryData;

/// <summary>When a counter of charge or energy starts again from zero.</summary>
public enum ResetScope
{
    /// <summary>Never; it runs from the start of the test.</summary>
    Test,

    /// <summary>At each new cycle.</summary>
    Cycle,

    /// <summary>At each step execution.</summary>
    Step,

    /// <summary>Where the test program says so, to any value.</summary>
    Schedule,

    /// <summary>At each change between charge and discharge.</summary>
    HalfCycle,
}

/// <summary>How the source states the direction of current. The canonical column is always positive on charge.</summary>
public enum CurrentSign
{
    /// <summary>Nothing is declared.</summary>
    Unknown,

    /// <summary>The file's current is positive when it charges.</summary>
    PositiveCharges,

    /// <summary>The file's current has no sign; the step type gives it.</summary>
    UnsignedByStepType,
}

/// <summary>Something a reader assumed or converted, for people to see. Code is stable; Field names the column.</summary>
public sealed record SourceNote(string Code, string? Field, string Message);

/// <summary>What a source declares about its records; a reader that had to assume something says so in <see cref="Notes"/>.</summary>
public sealed record SourceDescription
{
    /// <summary>A table made in memory, about which nothing is declared.</summary>
    public static SourceDescription Unknown { get; } = new() { Format = "memory" };

    /// <summary>Format name, e.g. <c>neware-hierarchical</c>, <c>bdf-csv</c>.</summary>
    public required string Format { get; init; }

    /// <summary>File name without folder, or null.</summary>
    public string? FileName { get; init; }

    /// <summary>How the file's current is signed.</summary>
    public CurrentSign CurrentSign { get; init; }

    /// <summary>IANA zone in which the file's naive local times were read, or null when it has none.</summary>
    public string? TimeZone { get; init; }

    /// <summary>False when the zone is the default and nobody declared it.</summary>
    public bool TimeZoneDeclared { get; init; }

    /// <summary>Reset scope of each counter, by column name.</summary>
    public IReadOnlyDictionary<string, ResetScope> ResetScopes { get; init; } = new Dictionary<string, ResetScope>();

    /// <summary>Unit of each column as the file states it, by column name.</summary>
    public IReadOnlyDictionary<string, string> Units { get; init; } = new Dictionary<string, string>();

    /// <summary>The vendor's header of each canonical column, by machine name.</summary>
    public IReadOnlyDictionary<string, string> VendorNames { get; init; } = new Dictionary<string, string>();

    /// <summary>Assumptions and conversions made while reading.</summary>
    public IReadOnlyList<SourceNote> Notes { get; init; } = [];
}
