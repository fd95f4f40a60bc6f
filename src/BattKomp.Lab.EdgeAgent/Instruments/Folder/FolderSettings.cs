using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.BatteryData.Importers.Rows;
using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Instruments.Folder;

/// <summary>Where a channel's export files lie and how they are to be read.</summary>
public sealed record FolderSettings
{
    /// <summary>Folder that the vendor's program exports into; may be a network share.</summary>
    public required string Path { get; init; }

    /// <summary>Names of the channel's files.</summary>
    public string Glob { get; init; } = "*.csv";

    /// <summary>Vendor or format name, or "auto": judged by content.</summary>
    public string Format { get; init; } = "auto";

    /// <summary>Machine time between two looks at the folder.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>What is declared of the files: zone, sign, units, decimal mark, order of day and month.</summary>
    public ImportOptions Import { get; init; } = new();

    /// <summary>Reads {"path","glob","format","zone","poll_seconds","current","decimal_mark","day_first","units"}.</summary>
    internal static FolderSettings Read(JsonFields folder)
    {
        var format = folder.Text("format", "auto");
        if (format != "auto" && RowImporters.Named(format) is null)
            folder.Mistake("format", $"is \"{format}\"; auto or one of {string.Join(", ", RowImporters.All.Select(i => i.Format))} is needed");
        var settings = new FolderSettings
        {
            Path = folder.Text("path", needed: "the folder that the vendor's program exports into"),
            Glob = folder.Text("glob", "*.csv"),
            Format = format,
            Poll = TimeSpan.FromSeconds(folder.Number("poll_seconds", 1, 0.05, 3600)),
            Import = new ImportOptions
            {
                TimeZone = Zone(folder),
                AllowIncomplete = true,
                CurrentSign = Sign(folder),
                DecimalMark = Mark(folder),
                DayFirst = folder.Has("day_first") ? folder.Flag("day_first", false) : null,
                Units = Units(folder),
            },
        };
        folder.Done();
        return settings;
    }

    private static string? Zone(JsonFields folder)
    {
        var zone = folder.Text("zone", needed: "the zone of the vendor computer's clock, e.g. Europe/Oslo");
        if (zone.Length == 0 || TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _))
            return zone.Length == 0 ? null : zone;
        folder.Mistake("zone", $"is \"{zone}\"; an IANA name such as Europe/Oslo is needed");
        return null;
    }

    private static CurrentSign Sign(JsonFields folder)
    {
        var current = folder.Text("current", "auto");
        if (current is not ("auto" or "signed" or "unsigned"))
            folder.Mistake("current", $"is \"{current}\"; auto, signed (positive charges) or unsigned (the step type tells) is needed");
        return current switch { "signed" => CurrentSign.PositiveCharges, "unsigned" => CurrentSign.UnsignedByStepType, _ => CurrentSign.Unknown };
    }

    private static char? Mark(JsonFields folder)
    {
        var mark = folder.Text("decimal_mark");
        if (mark is not ("" or "." or ","))
            folder.Mistake("decimal_mark", $"is \"{mark}\"; \".\" or \",\" is needed");
        return mark is "." or "," ? mark[0] : null;
    }

    private static Dictionary<string, string> Units(JsonFields folder)
    {
        var units = new Dictionary<string, string>();
        foreach (var unit in folder.Objects("units"))
        {
            units[unit.Text("column", needed: "the header as the file writes it")] = unit.Text("unit", needed: "its unit, e.g. mV");
            unit.Done();
        }
        return units;
    }
}
