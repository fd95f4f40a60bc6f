using BattKomp.Lab.V1;

namespace BattKomp.Lab.Benchmarks;

/// <summary>The records of the ingest benchmarks: seven signals that move as a cell's do, the same for peer and chain.</summary>
internal static class IngestRecords
{
    public const long Anchor = 1_790_000_000_000_000_000;

    public static readonly string[] Signals =
        ["test_time_second", "voltage_volt", "current_ampere", "ambient_temperature_celsius", "cycle_count", "step_count", "net_capacity_ah"];

    public static double Value(int signal, long seq) => signal switch
    {
        0 => seq * 0.1,
        1 => 3.6 + 0.4 * Math.Sin(seq * 1e-4) + seq % 13 * 1e-5,
        2 => (seq / 36_000 % 2 == 0 ? 1.5 : -1.5) + seq % 7 * 1e-4,
        3 => 25 + seq % 100 * 0.01,
        4 => seq / 72_000,
        5 => seq / 36_000,
        _ => seq * 4.1666e-5,
    };

    public static Entry Opened() => new()
    {
        Opened = new StreamOpened { Channel = "rigs/bench/channels/1", AnchorUtcNs = Anchor, AnchorMachineUtcNs = Anchor, LabSpeed = 1, InstrumentIdentity = "bench", Protocol = "bench", Simulated = true },
    };

    public static Entry Batch(long first, int count)
    {
        var batch = new Batch();
        batch.UtcNs.Capacity = batch.MonotonicNs.Capacity = count;
        for (var k = 0; k < count; k++)
        {
            batch.MonotonicNs.Add((first + k) * 100_000_000);
            batch.UtcNs.Add(Anchor + (first + k) * 100_000_000);
        }

        for (var s = 0; s < Signals.Length; s++)
        {
            var column = new Column { Signal = Signals[s] };
            column.Values.Capacity = count;
            for (var k = 0; k < count; k++) column.Values.Add(Value(s, first + k));
            batch.Columns.Add(column);
        }

        return new Entry { Batch = batch };
    }
}
