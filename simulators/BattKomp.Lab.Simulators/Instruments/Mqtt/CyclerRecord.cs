using System.Buffers;
using System.Text.Json;

namespace BattKomp.Lab.Simulators.Instruments.Mqtt;

/// <summary>One row of a cycler, before it becomes a message.</summary>
/// <param name="TestSeconds">Time (s) since the beginning of the test.</param>
/// <param name="Volt">Terminal voltage.</param>
/// <param name="Ampere">Current; positive charges.</param>
/// <param name="Cycle">The instrument's own cycle number.</param>
/// <param name="Step">Running count of step executions, from 1; never repeats.</param>
/// <param name="StepId">The step's number in the program; repeats in every cycle.</param>
/// <param name="StepType">BDF step type, e.g. REST or CC_CHG.</param>
/// <param name="StepAh">Charge moved (Ah, unsigned) since the step began.</param>
/// <param name="StepWh">Energy moved (Wh, unsigned) since the step began.</param>
/// <param name="Celsius">Cell temperature; NaN = not measured, and then absent from the message.</param>
public readonly record struct CyclerRecord(
    double TestSeconds, double Volt, double Ampere, int Cycle, int Step, int StepId, string StepType,
    double StepAh, double StepWh, double Celsius);

/// <summary>A source of rows. Rows come in order of time and are made when asked for, so a slow reader loses none.</summary>
public interface IRecordSource
{
    /// <summary>The rows of one test, from its beginning.</summary>
    IEnumerable<CyclerRecord> Records();
}

/// <summary>Makes messages; numbers carry every digit of the double.</summary>
internal static class RecordJson
{
    private const string UtcFormat = "yyyy-MM-ddTHH:mm:ss.fffffffZ";

    /// <summary>A record message. UTC is the start plus test time, exactly to 100 ns.</summary>
    internal static byte[] Record(string id, string run, long n, DateTimeOffset start, in CyclerRecord r)
    {
        var utc = start.UtcDateTime.AddTicks((long)Math.Round(r.TestSeconds * TimeSpan.TicksPerSecond));
        var buffer = new ArrayBufferWriter<byte>(320);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("id", id);
        json.WriteNumber("n", n);
        json.WriteString("utc", utc.ToString(UtcFormat));
        json.WriteNumber("t", r.TestSeconds);
        json.WriteNumber("v", r.Volt);
        json.WriteNumber("i", r.Ampere);
        json.WriteNumber("cycle", r.Cycle);
        json.WriteNumber("step", r.Step);
        json.WriteNumber("step_id", r.StepId);
        json.WriteString("step_type", r.StepType);
        json.WriteNumber("q_step", r.StepAh);
        json.WriteNumber("e_step", r.StepWh);
        if (double.IsFinite(r.Celsius)) json.WriteNumber("temp", r.Celsius);
        json.WriteString("run", run);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A status message.</summary>
    internal static byte[] Status(string id, string state, long published, string? run, string? error) =>
        JsonSerializer.SerializeToUtf8Bytes(error is null
            ? new Dictionary<string, object?> { ["id"] = id, ["state"] = state, ["published"] = published, ["run"] = run }
            : new Dictionary<string, object?> { ["id"] = id, ["state"] = state, ["published"] = published, ["run"] = run, ["error"] = error });
}
