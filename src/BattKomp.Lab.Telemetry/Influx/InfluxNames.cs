using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>Names and identities in the database; docs/formats/influx.md describes the layout.</summary>
internal static class InfluxNames
{
    public const string Records = "records", Streams = "streams", Events = "events", Ledger = "ledger",
        Signals = "signals", Boots = "boots", Quarantine = "quarantine", QuarantineBytes = "quarantine_bytes";

    /// <summary>Ledger row kinds, as in the embedded store.</summary>
    public const long KindOpened = 0, KindRecords = 1, KindEvent = 2, KindMerged = 3;

    /// <summary>Stamps that InfluxDB can hold.</summary>
    public const long FirstStamp = -9_223_372_036_854_775_806, LastStamp = 9_223_372_036_854_775_806;

    /// <summary>The short stream id: 64 bits of the identity's hash, so that every server and every restart gives the same one.</summary>
    public static string ShortId(StreamKey key) => Convert.ToHexStringLower(HashOf(key.Agent, key.Boot, key.Stream).AsSpan(0, 8));

    /// <summary>
    /// A key in the stamp of measurements that have no stream tag: 37 bits of a hash above 12 free bits. Below 2^49 ns all of them lie in the first
    /// days of 1970, so that they share one shard.
    /// </summary>
    public static long StampKey(params ReadOnlySpan<string> parts) => (BinaryPrimitives.ReadInt64BigEndian(HashOf(parts)) & ((1L << 37) - 1)) << 12;

    /// <summary>
    /// The field of a signal. `time` as a field is dropped without a word (1.6.7 answers 204), and the tags' names would be ambiguous; no signal
    /// starts with an underscore, so the replacement is nobody else's.
    /// </summary>
    public static string FieldOf(string signal) => signal is "time" or "channel" or "stream" ? "_signal_" + signal : signal;

    /// <summary>The signal of a field, or null for one of the store's own.</summary>
    public static string? SignalOf(string field) =>
        field.StartsWith("_signal_", StringComparison.Ordinal) ? field[8..] : field.StartsWith('_') ? null : field;

    /// <summary>
    /// A tag for people; the true text is a field of <see cref="Streams"/>. A line break cannot be written into a tag and a backslash would escape
    /// what follows: both become an underscore.
    /// </summary>
    public static string TagValue(string text)
    {
        var tag = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c is ',' or ' ' or '=') tag.Append('\\').Append(c);
            else tag.Append(char.IsControl(c) || c == '\\' ? '_' : c);
        }

        return tag.ToString();
    }

    /// <summary>A string literal of InfluxQL.</summary>
    public static string Literal(string text) =>
        "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal) + "'";

    /// <summary>A condition that holds for these streams.</summary>
    public static string AnyOf(IEnumerable<StreamLedger> streams) => "(" + string.Join(" OR ", streams.Select(s => $"\"stream\" = '{s.Id}'")) + ")";

    private static byte[] HashOf(params ReadOnlySpan<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (var part in parts)
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        return hash.GetHashAndReset();
    }
}
