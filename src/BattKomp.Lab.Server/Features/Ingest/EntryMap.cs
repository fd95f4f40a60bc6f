using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.Collections;
using KeyProto = BattKomp.Lab.V1.StreamKey;
using StreamKey = BattKomp.Lab.Telemetry.StreamKey;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>Entries from the wire to the store's own types, columns copied once. What does not hang together becomes poison, never an exception.</summary>
internal sealed class EntryMap
{
    private const int LongestName = 200;
    private SignalSet _lastSignals = new([], []);

    /// <summary>The stream an entry names; empty parts when it names none.</summary>
    public static StreamKey Key(Entry entry) => entry.Key is { } key ? Key(key) : new StreamKey("", "", "");

    public static StreamKey Key(KeyProto key) => new(key.Agent, key.Boot, key.Stream);

    public static KeyProto Key(StreamKey key) => new() { Agent = key.Agent, Boot = key.Boot, Stream = key.Stream };

    public static StreamHeader Header(StreamOpened opened) => new(
        opened.Channel, opened.Lease, opened.Run, opened.AnchorUtcNs, opened.AnchorMachineUtcNs, opened.LabSpeed,
        opened.ClockQuality == ClockQuality.Unspecified ? "" : opened.ClockQuality.ToString().ToUpperInvariant(),
        opened.InstrumentIdentity, opened.Protocol, opened.Previous is { } previous ? Key(previous) : null, opened.Simulated);

    public static StreamEntry Poison(Entry entry, string reason) =>
        new(Key(entry), entry.FirstSeq, new PoisonBody(reason, Math.Max(1, entry.Batch?.UtcNs.Count ?? 1)), entry.ToByteArray);

    public static StreamEntry Opened(Entry entry, StreamPlacement placement) =>
        new(Key(entry), entry.FirstSeq, new OpenedBody(Header(entry.Opened), placement.Run, placement.QuarantineReason), entry.ToByteArray);

    /// <summary>Every body but an opening.</summary>
    public StreamEntry Map(Entry entry)
    {
        var key = Key(entry);
        if (key.Boot.Length is 0 or > LongestName || key.Stream.Length is 0 or > LongestName) return Poison(entry, $"key: boot and stream need 1 to {LongestName} characters");
        EntryBody? body = entry.BodyCase switch
        {
            Entry.BodyOneofCase.Batch => Records(entry.Batch),
            Entry.BodyOneofCase.Event => Event(entry.Event),
            Entry.BodyOneofCase.Closed => new ClosedBody(entry.Closed.LastSeq, entry.Closed.Reason),
            _ => null,
        };
        return body is null ? Poison(entry, "body: none that this server knows; a newer agent may have sent it") : new StreamEntry(key, entry.FirstSeq, body, entry.ToByteArray);
    }

    private static EventBody Event(StreamEvent e) => new(
        e.Kind switch
        {
            StreamEvent.Types.Kind.Outage => "OUTAGE",
            StreamEvent.Types.Kind.StepStarted => "STEP_STARTED",
            StreamEvent.Types.Kind.StepEnded => "STEP_ENDED",
            StreamEvent.Types.Kind.Stopped => "STOPPED",
            StreamEvent.Types.Kind.Alarm => "ALARM",
            StreamEvent.Types.Kind.Note => "NOTE",
            StreamEvent.Types.Kind.AlarmCleared => "ALARM_CLEARED",
            StreamEvent.Types.Kind.Incident => "INCIDENT",
            var other => $"KIND_{(int)other}",
        },
        e.UtcNs, e.UntilUtcNs, e.Cause, e.GotoStep > 0 ? $"{e.Detail} (goes on with step {e.GotoStep})".TrimStart() : e.Detail, e.Step, e.StepCount);

    private RecordsBody Records(Batch batch) => new(new RecordBlock
    {
        MonotonicNs = Copy(batch.MonotonicNs),
        UtcNs = Copy(batch.UtcNs),
        Quality = batch.Quality.Count == 0 ? [] : [.. batch.Quality.Select(q => (int)q is >= 0 and <= 255 ? (byte)q : byte.MaxValue)],
        Signals = Signals(batch),
        Values = [.. batch.Columns.Select(c => Copy(c.Values))],
        Texts = batch.TextColumns.Count == 0 ? [] : [.. batch.TextColumns.Select(t => new TextValues([.. t.Dictionary], Copy(t.Values)))],
    });

    // A call's batches mostly repeat the same signals; one set is kept so that their names are checked once.
    private SignalSet Signals(Batch batch)
    {
        if (!Same(_lastSignals, batch)) _lastSignals = new SignalSet([.. batch.Columns.Select(c => c.Signal)], [.. batch.TextColumns.Select(c => c.Signal)]);
        return _lastSignals;
    }

    private static bool Same(SignalSet set, Batch batch)
    {
        if (set.Numeric.Count != batch.Columns.Count || set.Text.Count != batch.TextColumns.Count) return false;
        for (var k = 0; k < set.Numeric.Count; k++)
            if (set.Numeric[k] != batch.Columns[k].Signal) return false;
        for (var k = 0; k < set.Text.Count; k++)
            if (set.Text[k] != batch.TextColumns[k].Signal) return false;
        return true;
    }

    private static T[] Copy<T>(RepeatedField<T> values)
    {
        if (values.Count == 0) return [];
        var copy = GC.AllocateUninitializedArray<T>(values.Count);
        values.CopyTo(copy, 0);
        return copy;
    }
}
