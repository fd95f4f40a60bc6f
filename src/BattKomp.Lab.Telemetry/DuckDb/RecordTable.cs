using System.Security.Cryptography;
using System.Text;
using DuckDB.NET.Data;

namespace BattKomp.Lab.Telemetry.DuckDb;

/// <summary>One table of records: every distinct ordered signal set has its own.</summary>
internal sealed class RecordTableInfo(int id, SignalSet signals)
{
    /// <summary>Fixed columns, before the signals. Signal names never start with an underscore.</summary>
    public const string FixedColumns = "_run, _stream, _seq, _utc_ns, _monotonic_ns, _quality";
    private const int FirstSignal = 6;

    public int Id { get; } = id;
    public SignalSet Signals { get; } = signals;
    public string Name { get; } = NameOf(signals);

    public static string NameOf(SignalSet signals) =>
        "records_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(signals.Identity)))[..16];

    public string CreateSql()
    {
        var columns = Signals.Numeric.Select(s => $", \"{s}\" DOUBLE").Concat(Signals.Text.Select(s => $", \"{s}\" VARCHAR"));
        return $"CREATE TABLE IF NOT EXISTS {Name} (_run INTEGER, _stream INTEGER, _seq BIGINT, _utc_ns BIGINT, _monotonic_ns BIGINT, _quality UTINYINT{string.Concat(columns)})";
    }

    /// <summary>Copies <paramref name="count"/> records of a block, from record <paramref name="start"/>, into the appender's chunks.</summary>
    public static void Append(ChunkAppender to, int run, int stream, long firstSeq, RecordBlock block, int start, int count)
    {
        var texts = block.Texts.Length == 0 ? [] : block.Texts.Select(t => Utf8.Encode(t.Dictionary)).ToArray();
        while (count > 0)
        {
            var n = Math.Min(count, to.Room);
            to.Cells<int>(0, n).Fill(run);
            to.Cells<int>(1, n).Fill(stream);
            var seqs = to.Cells<long>(2, n);
            for (var k = 0; k < n; k++) seqs[k] = firstSeq + start + k;
            block.UtcNs.AsSpan(start, n).CopyTo(to.Cells<long>(3, n));
            block.MonotonicNs.AsSpan(start, n).CopyTo(to.Cells<long>(4, n));
            if (block.Quality.Length == 0) to.Cells<byte>(5, n).Clear();
            else block.Quality.AsSpan(start, n).CopyTo(to.Cells<byte>(5, n));
            for (var c = 0; c < block.Values.Length; c++)
                block.Values[c].AsSpan(start, n).CopyTo(to.Cells<double>(FirstSignal + c, n));
            for (var c = 0; c < texts.Length; c++)
                for (var k = 0; k < n; k++)
                    to.SetText(FirstSignal + block.Values.Length + c, k, texts[c][block.Texts[c].Indexes[start + k]]);
            to.Advance(n);
            start += n;
            count -= n;
        }
    }

    /// <summary>True when the table holds exactly these records under these sequences of the stream.</summary>
    public bool HoldsSame(DuckDBConnection connection, int stream, long firstSeq, RecordBlock block, SequenceRange part)
    {
        using var command = connection.CreateCommand();
        var signals = string.Concat(Signals.Numeric.Concat(Signals.Text).Select(s => $", \"{s}\""));
        command.CommandText = $"SELECT _seq, _utc_ns, _monotonic_ns, _quality{signals} FROM {Name} WHERE _stream = {stream} AND _seq BETWEEN {part.First} AND {part.Last} ORDER BY _seq";
        using var reader = command.ExecuteReader();
        var seq = part.First;
        while (reader.Read())
        {
            if (reader.GetInt64(0) != seq || !SameRecord(reader, block, (int)(seq - firstSeq))) return false;
            seq++;
        }

        return seq == part.Last + 1;
    }

    private static bool SameRecord(DuckDBDataReader reader, RecordBlock block, int k)
    {
        if (reader.GetInt64(1) != block.UtcNs[k] || reader.GetInt64(2) != block.MonotonicNs[k]) return false;
        if (reader.GetByte(3) != (block.Quality.Length == 0 ? 0 : block.Quality[k])) return false;
        for (var c = 0; c < block.Values.Length; c++)
            if (!reader.GetDouble(4 + c).Equals(block.Values[c][k])) return false;
        for (var c = 0; c < block.Texts.Length; c++)
            if (reader.GetString(4 + block.Values.Length + c) != block.Texts[c][k]) return false;
        return true;
    }
}
