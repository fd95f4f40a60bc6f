using System.Security.Cryptography;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>The lines of the store's own measurements. Their stamps are keys, not times: a repeat overwrites itself.</summary>
internal static class OwnRows
{
    private const int BytesOfPart = 36_000;

    public static void Stream(LineBuffer to, StreamLedger stream)
    {
        var (key, header) = (stream.Key, stream.Header);
        to.Begin($"{InfluxNames.Streams},stream={stream.Id}")
            .Field("agent", key.Agent).Field("boot", key.Boot).Field("name", key.Stream).Field("run", stream.Run)
            .Field("channel", header.Channel).Field("lease", header.Lease).Field("agent_run", header.Run)
            .Field("anchor_utc_ns", header.AnchorUtcNs).Field("anchor_machine_utc_ns", header.AnchorMachineUtcNs).Field("lab_speed", double.IsFinite(header.LabSpeed) ? header.LabSpeed : null)
            .Field("clock_quality", header.ClockQuality).Field("instrument_identity", header.InstrumentIdentity).Field("protocol", header.Protocol)
            .Field("previous_agent", header.Previous?.Agent).Field("previous_boot", header.Previous?.Boot).Field("previous_stream", header.Previous?.Stream)
            .Field("simulated", header.Simulated).Field("opened_hash", unchecked((long)stream.OpenedHash)).Field("opened_order", stream.OpenedOrder)
            // Also when there is none: a field that an earlier, failed attempt has written would stay.
            .Field("quarantine", stream.QuarantineReason ?? "").End(0);
    }

    public static void Closed(LineBuffer to, StreamLedger stream, ClosedBody closed) =>
        to.Begin($"{InfluxNames.Streams},stream={stream.Id}").Field("closed_last_seq", closed.LastSeq).Field("close_reason", closed.Reason).End(0);

    public static void Deleted(LineBuffer to, StreamLedger stream) => to.Begin($"{InfluxNames.Streams},stream={stream.Id}").Field("rows_deleted", true).End(0);

    public static void Event(LineBuffer to, StreamLedger stream, long seq, EventBody e) =>
        to.Begin($"{InfluxNames.Events},stream={stream.Id}")
            .Field("kind", e.Kind).Field("utc_ns", e.UtcNs).Field("until_utc_ns", e.UntilUtcNs).Field("cause", e.Cause).Field("detail", e.Detail)
            .Field("step", e.Step).Field("step_count", e.StepCount).End(seq);

    public static void Ledger(LineBuffer to, StreamLedger stream, LedgerRow row) =>
        to.Begin($"{InfluxNames.Ledger},stream={stream.Id}")
            .Field("last", row.Range.Last).Field("kind", row.Kind).Field("hash", unchecked((long)row.Hash)).Field("records", row.Records)
            .Field("first_utc_ns", row.FirstUtcNs).Field("last_utc_ns", row.LastUtcNs).End(row.Range.First);

    public static void Signals(LineBuffer to, string run, SignalSet signals) =>
        to.Begin(InfluxNames.Signals).Field("run", run).Field("numeric", string.Join(',', signals.Numeric)).Field("text", string.Join(',', signals.Text))
            .End(InfluxNames.StampKey(run, signals.Identity));

    public static void Boot(LineBuffer to, string agent, string boot, long stamp) => to.Begin(InfluxNames.Boots).Field("agent", agent).Field("boot", boot).End(stamp);

    public static void Aside(LineBuffer to, AsideEntry aside, long key, long receivedUtcNs)
    {
        var (entry, parts) = (aside.Entry, 0);
        // A text field holds 64 KB at most.
        foreach (var part in aside.Bytes.Chunk(BytesOfPart))
            to.Begin(InfluxNames.QuarantineBytes).Field("base64", Convert.ToBase64String(part)).End(key + parts++);
        to.Begin(InfluxNames.Quarantine)
            .Field("agent", entry.Key.Agent).Field("boot", entry.Key.Boot).Field("name", entry.Key.Stream).Field("run", aside.Run).Field("first_seq", entry.FirstSeq)
            .Field("hash", aside.Hash).Field("reason", aside.Reason).Field("received_utc_ns", receivedUtcNs).Field("parts", parts).End(key);
    }
}

/// <summary>An entry that is to be kept aside.</summary>
internal sealed class AsideEntry(StreamEntry entry, string reason, string run)
{
    /// <summary>From one key to the next when two entries' hashes collide.</summary>
    public const long KeyStep = 1 << 12;

    public StreamEntry Entry => entry;
    public string Reason => reason;
    public string Run => run;
    public byte[] Bytes { get; } = entry.Raw();

    /// <summary>Of stream, sequence and bytes.</summary>
    public string Hash => field ??= Convert.ToHexStringLower(SHA256.HashData([.. System.Text.Encoding.UTF8.GetBytes($"{entry.Key} {entry.FirstSeq} "), .. Bytes]));

    public long Key => InfluxNames.StampKey(Hash);
}
