using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Faults;
using BattKomp.Lab.Simulators.Instruments;
using BattKomp.Lab.Simulators.Instruments.Folder;
using BattKomp.Lab.Simulators.Instruments.Mqtt;

namespace BattKomp.Lab.Simulators.Hosting;

/// <summary>A configuration or command line cannot be used; the message names the field and the remedy.</summary>
public sealed class ConfigException(string message) : Exception(message);

/// <summary>What one simulator process runs: the lab's clock and a list of instruments. Field names are snake_case.</summary>
public sealed record SimulatorConfig
{
    /// <summary>Lab time at <see cref="MachineOrigin"/>; absent = the machine origin.</summary>
    public DateTimeOffset? LabOrigin { get; init; }

    /// <summary>Machine UTC at which the clocks are tied; absent = when the process starts.</summary>
    public DateTimeOffset? MachineOrigin { get; init; }

    /// <summary>Lab seconds per machine second, 1 or more.</summary>
    public double Speed { get; init; } = 1;

    /// <summary>The instruments.</summary>
    public IReadOnlyList<InstrumentConfig> Instruments { get; init; } = [];

    /// <summary>Cells that several instruments share by <c>cell_ref</c>, by name.</summary>
    public IReadOnlyDictionary<string, CellParameters> Cells { get; init; } = new Dictionary<string, CellParameters>();

    internal static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    /// <summary>Reads and checks a configuration file.</summary>
    /// <exception cref="ConfigException">When it is missing, not JSON, or says something impossible.</exception>
    public static SimulatorConfig Load(string file)
    {
        try
        {
            return Parse(File.ReadAllText(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"--config {file}: cannot be read ({e.Message}); name a readable JSON file");
        }
        catch (ConfigException e)
        {
            throw new ConfigException($"{file}: {e.Message}");
        }
    }

    /// <summary>Reads and checks a configuration.</summary>
    /// <exception cref="ConfigException">When it is not JSON, or says something impossible.</exception>
    public static SimulatorConfig Parse(string json)
    {
        try
        {
            var config = JsonSerializer.Deserialize<SimulatorConfig>(json, Json) ?? throw new ConfigException("the configuration is empty; see simulators/README.md");
            config.Check();
            return config;
        }
        catch (JsonException e)
        {
            throw new ConfigException($"{e.Message} Correct the field; simulators/README.md lists them.");
        }
    }

    /// <summary>Throws when the configuration says something impossible.</summary>
    /// <exception cref="ConfigException">Names the first such field.</exception>
    public void Check()
    {
        if (!double.IsFinite(Speed) || Speed < 1) throw new ConfigException("speed: lab seconds per machine second must be 1 or more");
        foreach (var (name, cell) in Cells)
            if (cell.Problem() is { } wrong)
                throw new ConfigException($"cells.{name}.{wrong}");
        if (Instruments.Count == 0) throw new ConfigException("instruments: none given; list at least one");
        for (var i = 0; i < Instruments.Count; i++)
            if (Instruments[i].Problem() is { } problem)
                throw new ConfigException($"instruments[{i}]: {problem}");
        if (Instruments.FirstOrDefault(i => i.CellRef is { } cell && !Cells.ContainsKey(cell)) is { } lost)
            throw new ConfigException($"{lost.Id}: cell_ref '{lost.CellRef}' names no cell; list it under cells");
        if (Instruments.GroupBy(x => x.Id).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ConfigException($"instruments: id {twice.Key} is given twice; ids must differ");
    }
}

/// <summary>One instrument of a configuration.</summary>
public sealed record InstrumentConfig
{
    /// <summary>The serial tester.</summary>
    public const string EbcA20 = "ebc-a20";

    /// <summary>The cycler that publishes.</summary>
    public const string MqttCycler = "mqtt-cycler";

    /// <summary>A vendor's program whose export grows.</summary>
    public const string FolderWriter = "folder-writer";

    /// <summary><c>mqtt-cycler</c>, <c>folder-writer</c>, or a device of <see cref="DeviceRegistry"/>.</summary>
    public required string Type { get; init; }

    /// <summary>Instrument id; must begin with SIM.</summary>
    public required string Id { get; init; }

    /// <summary>Seed of noise and faults.</summary>
    public int Seed { get; init; }

    /// <summary>The cell, when <see cref="CellRef"/> names none.</summary>
    public CellParameters Cell { get; init; } = new();

    /// <summary>Line: the shared cell on its clamps; absent = one of its own.</summary>
    public string? CellRef { get; init; }

    /// <summary>Line: a stable name for the device path.</summary>
    public string? Link { get; init; }

    /// <summary>Line: an address such as <c>127.0.0.1:0</c>, to carry the raw bytes over TCP instead of a pseudo-terminal.</summary>
    public string? Listen { get; init; }

    /// <summary>Line: the type's own settings.</summary>
    public JsonElement? Settings { get; init; }

    /// <summary>What goes wrong, and when.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    /// <summary>Folder: what is written where, and how.</summary>
    public FolderWriterOptions? Folder { get; init; }

    /// <summary>MQTT: where the broker is.</summary>
    public BrokerOptions Broker { get; init; } = new();

    /// <summary>MQTT: a recorded vendor file to replay; absent = the cell under the program.</summary>
    public string? Replay { get; init; }

    /// <summary>MQTT: what the cell goes through.</summary>
    public ProgramOptions Program { get; init; } = new();

    /// <summary>MQTT: messages sent before the oldest is acknowledged.</summary>
    public int Window { get; init; } = 32;

    /// <summary>MQTT: a run to start without a command.</summary>
    public string? Autostart { get; init; }

    /// <summary>Names the first field that cannot be, with the remedy; null when all is well.</summary>
    public string? Problem() =>
        Type is not (MqttCycler or FolderWriter) && DeviceRegistry.Find(Type) is null
            ? $"type '{Type}' is unknown; use {MqttCycler}, {FolderWriter} or one of {string.Join(", ", DeviceRegistry.All.Select(t => t.Name))}"
        : !Id.StartsWith("SIM", StringComparison.Ordinal) || Id.AsSpan().IndexOfAny("+#/ ") >= 0
            ? $"id '{Id}' must begin with SIM, so that nobody takes it for hardware, and hold none of + # / or space"
        : Type == FolderWriter && Folder is null ? "folder is missing; give at least {\"path\":\"…\",\"replay\":\"…\"}"
        : Type != FolderWriter && Folder is not null ? $"folder: only a {FolderWriter} has it; remove it"
        : Folder?.Problem() is { } folder ? $"folder.{folder}"
        : Type == FolderWriter && (Faults.Count > 0 || (Link ?? Listen ?? CellRef) is not null) ? $"faults, link, listen, cell_ref: a {FolderWriter} has no line; use folder.pieces, rewrite_every and rotate_every"
        : Cell.Problem() is { } cell ? $"cell.{cell}"
        : Faults.Select(f => f.Problem()).FirstOrDefault(p => p is not null) is { } fault ? $"faults: {fault}"
        : Type == MqttCycler && Faults.FirstOrDefault(f => !CyclerFaults.Knows(f.Kind)) is { } strange
            ? $"faults: {FaultNames.Of(strange.Kind)} means nothing for an mqtt-cycler; remove it"
        : Type == MqttCycler && (Link ?? Listen ?? CellRef) is not null ? "link, listen, cell_ref: an mqtt-cycler has no line; remove them"
        : Link is not null && Listen is not null ? "link and listen: a line is either a device or a TCP port; leave one out"
        : Listen is not null && !(Listen.Contains(':') && IPEndPoint.TryParse(Listen, out _)) ? $"listen '{Listen}' is not ADDRESS:PORT, such as 127.0.0.1:0"
        : Window is < 1 or > 65_535 ? "window must be from 1 to 65535"
        : Broker.Port is < 1 or > 65_535 ? "broker.port must be from 1 to 65535"
        : Program.Problem() is { } program ? $"program.{program}"
        : null;
}
