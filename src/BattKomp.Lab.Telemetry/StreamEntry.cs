using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace BattKomp.Lab.Telemetry;

/// <summary>One journal entry as the store takes it: its place, its content, and a way to its bytes should it end in quarantine.</summary>
public sealed class StreamEntry
{
    /// <summary>
    /// Creates an entry; <paramref name="raw"/> is called only when the entry is quarantined. Records that break
    /// <see cref="RecordRules"/> become a <see cref="PoisonBody"/>.
    /// </summary>
    public StreamEntry(StreamKey key, long firstSeq, EntryBody body, Func<byte[]> raw)
    {
        Key = key;
        FirstSeq = firstSeq;
        Body = body is RecordsBody { Block: var block } && RecordRules.Check(firstSeq, block) is { } reason
            ? new PoisonBody(reason, Math.Max(1, block.Count))
            : body;
        Raw = raw;
        Hash = EntryHash.Of(Body);
    }

    /// <summary>The stream it belongs to.</summary>
    public StreamKey Key { get; }

    /// <summary>First sequence; for a close the sequence after the last.</summary>
    public long FirstSeq { get; }

    /// <summary>Last sequence, inclusive; equal to <see cref="FirstSeq"/> for all but record blocks.</summary>
    public long LastSeq => Body is RecordsBody records ? FirstSeq + records.Block.Count - 1 : FirstSeq;

    /// <summary>The content.</summary>
    public EntryBody Body { get; }

    /// <summary>The entry's bytes as the agent sent them.</summary>
    public Func<byte[]> Raw { get; }

    /// <summary>Hash of the content: equal contents have equal hashes on every machine and version.</summary>
    public ulong Hash { get; }
}

/// <summary>Exactly one of the kinds below.</summary>
public abstract record EntryBody;

/// <summary>Sequence 0: the stream's header, and where the server placed it.</summary>
/// <param name="Header">As the agent sent it.</param>
/// <param name="Run">runs/… that the records belong to; empty only with a quarantine reason.</param>
/// <param name="QuarantineReason">Not null: the whole stream is kept aside for this reason (wrong or revoked agent, clone).</param>
public sealed record OpenedBody(StreamHeader Header, string Run, string? QuarantineReason = null) : EntryBody;

/// <summary>Records that satisfy <see cref="RecordRules"/>.</summary>
public sealed record RecordsBody(RecordBlock Block) : EntryBody;

/// <summary>Something other than a record, in its place in the stream; takes one sequence.</summary>
/// <param name="Kind">OUTAGE, STEP_STARTED, STEP_ENDED, STOPPED, ALARM, NOTE.</param>
/// <param name="UtcNs">When (record time).</param>
/// <param name="UntilUtcNs">End of an outage; 0 when it has none.</param>
/// <param name="Cause">Machine-readable, e.g. agent_restart.</param>
/// <param name="Detail">For people.</param>
/// <param name="Step">Step of the procedure, 1-based; 0 = none.</param>
/// <param name="StepCount">Execution count of the step.</param>
public sealed record EventBody(string Kind, long UtcNs, long UntilUtcNs, string Cause, string Detail, int Step, int StepCount) : EntryBody;

/// <summary>No more entries will come.</summary>
/// <param name="LastSeq">Last sequence of the stream; -1 = none was ever written.</param>
/// <param name="Reason">Why it closed.</param>
public sealed record ClosedBody(long LastSeq, string Reason) : EntryBody;

/// <summary>An entry that may not be stored as what it says it is; it goes to quarantine with its reason, and is acknowledged.</summary>
/// <param name="Reason">The sentence a person reads.</param>
/// <param name="Covers">How many sequences the entry claimed; at least 1.</param>
public sealed record PoisonBody(string Reason, long Covers = 1) : EntryBody;

/// <summary>Content hash for the ledger: the first 64 bits of SHA-256 (a few per cent of ingest with the processor's own instructions).</summary>
internal static class EntryHash
{
    public static ulong Of(EntryBody body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        switch (body)
        {
            case RecordsBody r: Add(hash, r.Block); break;
            case OpenedBody o: AddText(hash, "opened" + o.Header); break;
            case EventBody e: AddText(hash, e.ToString()); break;
            case ClosedBody c: AddText(hash, c.ToString()); break;
            case PoisonBody p: AddText(hash, p.ToString()); break;
        }

        Span<byte> digest = stackalloc byte[32];
        hash.GetHashAndReset(digest);
        return BinaryPrimitives.ReadUInt64BigEndian(digest);
    }

    private static void Add(IncrementalHash hash, RecordBlock block)
    {
        AddText(hash, block.Signals.Identity);
        hash.AppendData(MemoryMarshal.AsBytes(block.UtcNs.AsSpan()));
        hash.AppendData(MemoryMarshal.AsBytes(block.MonotonicNs.AsSpan()));
        // All-good written out is the same content as all-good left out.
        if (block.Quality.AsSpan().ContainsAnyExcept((byte)0)) hash.AppendData(block.Quality);
        foreach (var values in block.Values) hash.AppendData(MemoryMarshal.AsBytes(values.AsSpan()));
        foreach (var texts in block.Texts)
            for (var k = 0; k < texts.Indexes.Length; k++)
                AddText(hash, texts[k]);
    }

    private static void AddText(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
