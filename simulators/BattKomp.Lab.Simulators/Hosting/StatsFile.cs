using System.Text.Json;
using BattKomp.Lab.Simulators.Instruments;

namespace BattKomp.Lab.Simulators.Hosting;

/// <summary>The file that says what was produced; each writing replaces it whole, so a reader never sees half of one.</summary>
public sealed class StatsFile(string path, TimeProvider machine)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Between two writings.</summary>
    public static TimeSpan Interval { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Writes at every interval until cancelled, and once more then.</summary>
    public async Task KeepAsync(Func<SimulatorStats> read, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Interval, machine);
        try
        {
            do Write(read());
            while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            // The caller writes the last one, when every instrument has stopped.
        }
    }

    /// <summary>Writes now.</summary>
    public void Write(SimulatorStats stats)
    {
        var fresh = $"{path}.{Environment.ProcessId}.new";
        File.WriteAllBytes(fresh, JsonSerializer.SerializeToUtf8Bytes(stats, Json));
        File.Move(fresh, path, overwrite: true);
    }

    /// <summary>Reads such a file.</summary>
    /// <exception cref="JsonException">When it is none.</exception>
    public static SimulatorStats Read(string path) =>
        JsonSerializer.Deserialize<SimulatorStats>(File.ReadAllBytes(path), Json) ?? throw new JsonException("the stats file is empty");
}

/// <summary>What a simulator process has produced so far.</summary>
/// <param name="MachineUtc">Machine time of the reading.</param>
/// <param name="LabUtc">Lab time of the reading.</param>
/// <param name="Exited">True in the last one, written when every instrument has stopped.</param>
/// <param name="Instruments">Each instrument.</param>
public sealed record SimulatorStats(DateTimeOffset MachineUtc, DateTimeOffset LabUtc, bool Exited, IReadOnlyList<InstrumentStats> Instruments);
