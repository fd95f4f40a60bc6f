using BattKomp.Lab.EdgeAgent.Journal;

namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>One JSON number that becomes a signal.</summary>
/// <param name="Path">Field, dots for nesting.</param>
/// <param name="Signal">BDF machine name.</param>
/// <param name="Factor">What the number is multiplied by to get the signal's unit.</param>
/// <param name="UnitPath">Field that names the unit; empty = none.</param>
/// <param name="Unit">What that field must say.</param>
public sealed record SignalMapping(string Path, string Signal, double Factor = 1, string UnitPath = "", string Unit = "");

/// <summary>One JSON text that becomes a text signal.</summary>
public sealed record TextMapping(string Path, string Signal);

/// <summary>How a message is written.</summary>
public enum MessageFormat
{
    /// <summary>One JSON object a record; paths are fields.</summary>
    Json,

    /// <summary>A SenML pack (RFC 8428); paths are resolved names.</summary>
    Senml,
}

/// <summary>What a publishing instrument's messages mean: declared, never guessed. Empty field names = the message has none.</summary>
public sealed record JsonMapping
{
    /// <summary>What the id field must say, and part of the default topics.</summary>
    public required string Instrument { get; init; }

    /// <summary>How records are written.</summary>
    public MessageFormat Format { get; init; }

    /// <summary>Topic of records.</summary>
    public required string RecordsTopic { get; init; }

    /// <summary>Topic of start and stop orders; empty = the instrument takes none.</summary>
    public string CommandTopic { get; init; } = "";

    /// <summary>Topic of the retained status; empty = none.</summary>
    public string StatusTopic { get; init; } = "";

    /// <summary>Field of the instrument's id.</summary>
    public string IdPath { get; init; } = "";

    /// <summary>Field of the device's record counter, +1 a record within a run. With it completeness is proved from the device on, without it from the agent on.</summary>
    public string CounterPath { get; init; } = "";

    /// <summary>Field of the run that the instrument was started with.</summary>
    public string RunPath { get; init; } = "";

    /// <summary>Field of the device's UTC (ISO 8601 text); with it the stamps are the device's.</summary>
    public string UtcPath { get; init; } = "";

    /// <summary>Numbers.</summary>
    public required IReadOnlyList<SignalMapping> Signals { get; init; }

    /// <summary>Texts.</summary>
    public IReadOnlyList<TextMapping> Texts { get; init; } = [];

    /// <summary>Columns that a record has: the signals, and the device counter when there is one.</summary>
    public IReadOnlyList<string> Columns => [.. Signals.Select(s => s.Signal), .. CounterPath.Length > 0 ? [JournalSignals.DeviceCounter] : Array.Empty<string>()];

    /// <summary>The mapping of the format `lab/{id}/records` that the simulators speak.</summary>
    public static JsonMapping Default(string instrument) => new()
    {
        Instrument = instrument,
        RecordsTopic = $"lab/{instrument}/records",
        CommandTopic = $"lab/{instrument}/command",
        StatusTopic = $"lab/{instrument}/status",
        IdPath = "id",
        CounterPath = "n",
        RunPath = "run",
        UtcPath = "utc",
        Signals =
        [
            new("t", JournalSignals.TestTime), new("v", "voltage_volt"), new("i", "current_ampere"), new("cycle", "cycle_count"), new("step", "step_count"),
            new("step_id", "step_id"), new("q_step", "step_cumulative_capacity_ah"), new("e_step", "step_cumulative_energy_wh"), new("temp", "temperature_t1_celsius"),
        ],
        Texts = [new("step_type", "step_type")],
    };
}

/// <summary>One message, understood.</summary>
/// <param name="Values">By <see cref="JsonMapping.Columns"/>.</param>
/// <param name="Texts">By <see cref="JsonMapping.Texts"/>.</param>
/// <param name="Counter">The device's counter; null when not mapped.</param>
/// <param name="Run">Run that the message names, or empty.</param>
/// <param name="UtcNs">The device's UTC, ns; null when not mapped.</param>
public sealed record JsonRow(double[] Values, string[] Texts, long? Counter, string Run, long? UtcNs);
