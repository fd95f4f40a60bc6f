namespace BattKomp.Lab.BatteryData.Importers;

/// <summary>What the caller declares about a file, where the file itself does not say.</summary>
public sealed record ImportOptions
{
    /// <summary>IANA zone of naive local times, e.g. <c>Europe/Oslo</c>; null reads them as UTC and notes the assumption.</summary>
    public string? TimeZone { get; init; }

    /// <summary>How the file's current is signed; <see cref="CurrentSign.Unknown"/> means the format's usual rule, which is checked.</summary>
    public CurrentSign CurrentSign { get; init; }

    /// <summary>Accept an export whose last step is not finished (a running test); it is noted instead of refused.</summary>
    public bool AllowIncomplete { get; init; }

    /// <summary>The file's decimal mark, <c>.</c> or <c>,</c>; null reads it off the first number that has one, and notes a comma.</summary>
    public char? DecimalMark { get; init; }

    /// <summary>Whether 02/03/2024 is the second of March; null reads it off the first date, and notes it where that proves nothing.</summary>
    public bool? DayFirst { get; init; }

    /// <summary>Units that the file leaves out or states wrongly, by header as written: <c>Volts</c> → <c>mV</c>.</summary>
    public IReadOnlyDictionary<string, string> Units { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// Reads one file format. A new vendor is a folder under <c>Importers</c> with a reader, a README on the format and its
/// sources, and golden files; <see cref="BatteryFiles"/> lists the readers.
/// </summary>
public interface IImporter
{
    /// <summary>Format name, e.g. <c>neware-hierarchical</c>.</summary>
    string Format { get; }

    /// <summary>Whether the first bytes of a file are of this format. The file's name is no evidence.</summary>
    bool Recognises(ReadOnlySpan<byte> head);

    /// <summary>Reads the whole stream or nothing.</summary>
    /// <exception cref="BatteryDataException">The stream is not what it says; the failure names line, column, field and remedy.</exception>
    RecordTable Read(Stream stream, string fileName, ImportOptions options);
}
