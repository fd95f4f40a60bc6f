using System.Text;
using BattKomp.Lab.Telemetry;

namespace BattKomp.Lab.Tests.Telemetry;

/// <summary>Makes journal entries whose content follows from their sequence, so that the same sequences are always the same content.</summary>
public static class Entries
{
    /// <summary>Stamp of sequence 0.</summary>
    public const long AnchorUtcNs = 1_790_000_000_000_000_000;

    /// <summary>Voltage and current, no text.</summary>
    public static readonly SignalSet Signals = new(["voltage_volt", "current_ampere"], []);

    public static StreamKey Key(string stream = "s1", string boot = "b1", string agent = "agents/a1") => new(agent, boot, stream);

    public static StreamHeader Header(string channel = "rigs/r1/channels/1", string lease = "leases/l1") =>
        new(channel, lease, "", AnchorUtcNs, AnchorUtcNs, 1, "SYNCED", "SIM 1", "test", null, true);

    public static StreamEntry Opened(StreamKey key, string run = "runs/1", string? quarantine = null, StreamHeader? header = null) =>
        Entry(key, 0, new OpenedBody(header ?? Header(), run, quarantine));

    /// <summary>Records from <paramref name="first"/> to <paramref name="last"/>; another <paramref name="flavour"/> is other content.</summary>
    public static StreamEntry Records(StreamKey key, long first, long last, double flavour = 0) =>
        Entry(key, first, new RecordsBody(Block(first, last, flavour)));

    public static StreamEntry Event(StreamKey key, long seq, string kind = "NOTE", string cause = "test") =>
        Entry(key, seq, new EventBody(kind, AnchorUtcNs + seq * 1_000_000, 0, cause, "", 0, 0));

    public static StreamEntry Closed(StreamKey key, long last) => Entry(key, last + 1, new ClosedBody(last, "finished"));

    public static StreamEntry Entry(StreamKey key, long first, EntryBody body) =>
        new(key, first, body, () => Encoding.UTF8.GetBytes($"{key} {first} {EntryText(body)}"));

    public static RecordBlock Block(long first, long last, double flavour = 0)
    {
        var seqs = Enumerable.Range(0, (int)(last - first + 1)).Select(k => first + k).ToArray();
        return new RecordBlock
        {
            UtcNs = [.. seqs.Select(s => AnchorUtcNs + s * 1_000_000)],
            MonotonicNs = [.. seqs.Select(s => s * 1_000_000)],
            Signals = Signals,
            Values = [[.. seqs.Select(s => Voltage(s) + flavour)], [.. seqs.Select(s => s % 7 == 0 ? double.NaN : s)]],
        };
    }

    public static double Voltage(long seq) => 3.6 + seq / 1e6;

    private static string EntryText(EntryBody body) =>
        body is RecordsBody r ? string.Join(' ', r.Block.Values.Select(v => string.Join(',', v))) : body.ToString();
}
